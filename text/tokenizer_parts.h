/* What a tokenizer is made of. Only tokenizer.c and the readers that fill it include
 * this. */
#ifndef TEXT_TOKENIZER_PARTS_H
#define TEXT_TOKENIZER_PARTS_H

#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/tokenizer.h"
#include "text/word_piece.h"

/* One place of a sequence: a special token, or the pieces of a text. */
struct template_item {
    int text; /* 0 or 1; -1: a special token */
    int32_t id;
    uint8_t type;
};

enum { TEMPLATE_ITEMS_MAX = 32 };

struct token_template {
    struct template_item items[TEMPLATE_ITEMS_MAX];
    int count, specials;
};

struct tokenizer {
    struct normalizer normalizer;
    struct vocabulary *vocabulary;
    struct added_tokens raw, normalized; /* found before and after the normaliser */
    struct word_piece word_piece;
    char *prefix;                       /* word_piece's */
    struct token_template templates[2]; /* a single text, a pair */
    int32_t added_max;                  /* largest id of an added token so far */
    int32_t max_id;
    struct digest digest;
};

/* An added token as a file states it. */
struct tokenizer_added {
    const char *content;
    bool single_word, lstrip, rstrip, normalized;
};

/* Adds it to the right set. Its id is the vocabulary's, else the next one above all;
 * what a file says of it is not asked, as in the reference. Needs vocabulary and
 * normaliser. */
int tokenizer_add(struct tokenizer *t, const struct tokenizer_added *added,
                  struct error *err);

/* Unknown token, prefix and word length, once the vocabulary is there. ERR_INPUT where
 * it lacks the unknown token; name is for messages. */
int tokenizer_set_model(struct tokenizer *t, const char *unknown, const char *prefix,
                        int64_t word_max, const char *name, struct error *err);

/* [CLS] A [SEP], [CLS] A [SEP] B [SEP]. */
void tokenizer_bert_templates(struct tokenizer *t, int32_t cls, int32_t sep);

/* The files of a directory; NULL: there is no such file. */
struct tokenizer_texts {
    char *json, *vocab, *config, *specials;
    size_t json_size, vocab_size, config_size, specials_size;
};

/* tokenizer_open() of files already read; dir is for messages. */
int tokenizer_open_texts(struct tokenizer **out, const struct tokenizer_texts *texts,
                         const char *dir, struct error *err);

/* Readers: fill all parts of an all-zero tokenizer but the digest. name and dir are for
 * messages. */
int tokenizer_json_read(struct tokenizer *t, const char *text, size_t size,
                        const char *name, struct error *err);
int tokenizer_legacy_read(struct tokenizer *t, const struct tokenizer_texts *texts,
                          const char *dir, struct error *err);

#endif
