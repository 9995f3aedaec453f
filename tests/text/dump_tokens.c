/* dump_tokens ENCODER FILE MAX_LENGTH: the ids of every column of every line and of
 * every two neighbouring columns, one sequence a line, to be compared with
 * make_tokenizer_goldens.py dump. */
#include "tests/text/file_cells.h"

#include <stdio.h>
#include <stdlib.h>

static void print_ids(void *data, const struct token_ids *ids)
{
    (void)data;
    for (int i = 0; i < ids->count; i++)
        printf("%s%d", i ? " " : "", ids->ids[i]);
    puts("");
}

int main(int argc, char **argv)
{
    struct tokenizer *tokenizer = NULL;
    struct error err = {""};
    int rc = 1;

    if (argc != 4) {
        fprintf(stderr, "usage: dump_tokens ENCODER FILE MAX_LENGTH\n");
        return 2;
    }
    if (tokenizer_open(&tokenizer, argv[1], &err) == 0)
        rc = file_cells(argv[2], tokenizer, atoi(argv[3]), print_ids, NULL, &err) < 0;
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    tokenizer_free(tokenizer);
    return rc;
}
