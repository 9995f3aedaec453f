/* What follows from several settings. */
#include "jobs/settings.h"

enum prefix_mode settings_prefix_rule(const struct settings *s)
{
    bool fixed = s->hidden_dropout == 0 && s->attention_dropout == 0;

    return s->first_layer >= 1 && fixed ? PREFIX_KEPT : PREFIX_INLINE;
}

bool settings_keep_prefix(const struct settings *s)
{
    enum prefix_mode prefix =
        s->prefix == PREFIX_AUTO ? settings_prefix_rule(s) : s->prefix;

    return prefix == PREFIX_KEPT;
}
