#include "worker/kept_prefixes.h"

static bool is_of(const struct kept_prefixes *kept, int i, int task,
                  const struct settings *s)
{
    return kept->slots[i].prefix && kept->slots[i].task == task &&
           kept->slots[i].first_layer == s->first_layer &&
           kept->slots[i].microshard_tokens == s->microshard_tokens &&
           kept->slots[i].pooling == s->pooling &&
           kept->slots[i].precision == s->precision;
}

static int find(const struct kept_prefixes *kept, int task, const struct settings *s)
{
    int oldest = 0;

    for (int i = 0; i < KEPT_PREFIXES; i++) {
        if (is_of(kept, i, task, s))
            return i;
        if (kept->slots[i].used < kept->slots[oldest].used)
            oldest = i;
    }
    return oldest;
}

struct prefix **kept_prefixes_slot(struct kept_prefixes *kept, int task,
                                   const struct settings *s)
{
    int i = find(kept, task, s);

    kept->slots[i].task = task;
    kept->slots[i].first_layer = s->first_layer;
    kept->slots[i].microshard_tokens = s->microshard_tokens;
    kept->slots[i].pooling = s->pooling;
    kept->slots[i].precision = s->precision;
    kept->slots[i].used = ++kept->uses;
    return &kept->slots[i].prefix;
}

bool kept_prefixes_close(struct kept_prefixes *kept)
{
    bool any = false;

    for (int i = 0; i < KEPT_PREFIXES; i++) {
        any = any || kept->slots[i].prefix;
        prefix_close(kept->slots[i].prefix);
        kept->slots[i].prefix = NULL;
    }
    return any;
}
