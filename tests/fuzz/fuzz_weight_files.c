/* model.safetensors.index.json of a stranger beside two shards, a.safetensors with the
 * tensor x and b.safetensors with y: what opens are files of that folder, and they hold
 * what is found in them. */
#include "storage/weight_files.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory where that can be had: the index is written anew for each input. */
static char folder[64];
static const char *const names[] = {"a.safetensors", "b.safetensors",
                                    "model.safetensors.index.json"};

static void write_file(const char *name, const void *data, size_t size)
{
    char *path = path_join(folder, name);
    FILE *file = path ? fopen(path, "wb") : NULL;

    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        abort();
    free(path);
}

static void write_shard(const char *name, char tensor)
{
    char text[100];
    int header = snprintf(text + 8, sizeof text - 8,
                          "{\"%c\":{\"dtype\":\"F32\",\"shape\":[1],"
                          "\"data_offsets\":[0,4]}}",
                          tensor);
    uint64_t header_size = (uint64_t)header;

    memcpy(text, &header_size, 8);
    memset(text + 8 + header, 0, 4);
    write_file(name, text, 8 + (size_t)header + 4);
}

static void remove_folder(void)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(folder, names[i]);

        unlink(path);
        free(path);
    }
    rmdir(folder);
}

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "%s/shiftwork-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder))
        abort();
    atexit(remove_folder);
    write_shard(names[0], 'x');
    write_shard(names[1], 'y');
}

static void check(const struct weight_files *files)
{
    static const char *const tensors[] = {"x", "y"};
    const char *path;
    size_t size = strlen(folder);

    if (files->count < 1 || files->count > 2)
        abort();
    for (int i = 0; i < files->count; i++)
        if (strncmp(files->files[i].path, folder, size) != 0 ||
            strchr(files->files[i].path + size + 1, '/'))
            abort();
    for (int i = 0; i < 2; i++) {
        const struct safetensors_tensor *t =
            weight_files_find(files, tensors[i], &path);

        if (t && (t->size != 4 || strcmp(path + size + 1, names[i]) != 0))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    struct weight_files files;
    struct error err;

    if (!made)
        make_folder();
    made = true;
    write_file(names[2], data, size);
    if (weight_files_open(&files, folder, &err) != 0)
        return 0;
    check(&files);
    weight_files_close(&files);
    return 0;
}
