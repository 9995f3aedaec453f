/* config.json: what we compute is accepted, anything else refused by its key. */
#include "storage/encoder_config.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

#define SIZES                                                                          \
    "\"model_type\":\"bert\",\"num_hidden_layers\":3,\"hidden_size\":21,"              \
    "\"intermediate_size\":35,\"num_attention_heads\":3,\"vocab_size\":41"

static int parse(struct encoder_config *c, const char *text, struct error *err)
{
    return encoder_config_parse(c, text, strlen(text), "config.json", err);
}

static void sizes_and_defaults_are_read(void)
{
    struct encoder_config c;
    struct error err = {0};

    CU_ASSERT_EQUAL_FATAL(parse(&c, "{" SIZES "}", &err), 0);
    CU_ASSERT(c.layers == 3 && c.hidden == 21 && c.ffn == 35 && c.heads == 3);
    CU_ASSERT(c.vocab == 41 && c.positions == 512 && c.types == 2);
    CU_ASSERT_EQUAL(c.activation, ACTIVATION_GELU);
    CU_ASSERT_EQUAL(c.layer_norm_eps, 1e-12f);
    CU_ASSERT_EQUAL(c.initializer_range, 0.02f);
    CU_ASSERT_EQUAL(parse(&c,
                          "{" SIZES ",\"type_vocab_size\":1,\"layer_norm_eps\":1e-5,"
                          "\"initializer_range\":0.1,\"position_embedding_type\":null,"
                          "\"is_decoder\":false,\"max_position_embeddings\":9}",
                          &err),
                    0);
    CU_ASSERT(c.positions == 9 && c.types == 1 && c.layer_norm_eps == 1e-5f);
}

static void activations_are_known_by_name(void)
{
    static const struct {
        const char *name;
        enum activation activation;
    } known[] = {{"gelu", ACTIVATION_GELU},
                 {"gelu_new", ACTIVATION_GELU_NEW},
                 {"gelu_pytorch_tanh", ACTIVATION_GELU_NEW},
                 {"relu", ACTIVATION_RELU}};
    struct encoder_config c;
    char text[512];

    for (int i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "{" SIZES ",\"hidden_act\":\"%s\"}", known[i].name);
        CU_ASSERT_EQUAL(parse(&c, text, NULL), 0);
        CU_ASSERT_EQUAL(c.activation, known[i].activation);
    }
}

static void other_models_are_refused_by_name(void)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"{\"model_type\":\"roberta\"}", "model_type: roberta is not supported"},
        {"{}", "model_type: missing"},
        {"[]", "not a JSON object"},
        {"{" SIZES, "config.json:1: "},
        {"{" SIZES ",\"position_embedding_type\":\"relative_key\"}", "relative_key"},
        {"{" SIZES ",\"is_decoder\":true}", "is_decoder"},
        {"{" SIZES ",\"add_cross_attention\":true}", "add_cross_attention"},
        {"{" SIZES ",\"hidden_act\":\"silu\"}", "hidden_act: silu"},
        {"{" SIZES ",\"hidden_act\":7}", "hidden_act"},
        {"{" SIZES ",\"vocab_size\":42}", "duplicate"},
        {"{" SIZES ",\"type_vocab_size\":0}", "type_vocab_size: 0 is outside [1, 256]"},
        {"{" SIZES ",\"type_vocab_size\":\"2\"}", "type_vocab_size: not an integer"},
        {"{" SIZES ",\"layer_norm_eps\":-1}", "layer_norm_eps"},
        {"{\"model_type\":\"bert\"}", "num_hidden_layers: missing"},
        {"{\"model_type\":\"bert\",\"num_hidden_layers\":2,\"hidden_size\":10,"
         "\"intermediate_size\":4,\"num_attention_heads\":3,\"vocab_size\":9}",
         "hidden_size: 10 is not a multiple of 3 heads"},
    };
    struct encoder_config c;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};

        CU_ASSERT_EQUAL(parse(&c, cases[i].text, &err), ERR_INPUT);
        CU_ASSERT(!strncmp(err.text, "config.json:", 12));
        if (!strstr(err.text, cases[i].reason))
            CU_FAIL(cases[i].reason);
    }
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(sizes_and_defaults_are_read),
        SUITE_TEST(activations_are_known_by_name),
        SUITE_TEST(other_models_are_refused_by_name),
        {0},
    };

    return suite_run("encoder_config", tests);
}
