/* Writing: the file grows in memory (HDF5's core driver without a backing file), its
 * image is written by our own code. */
#include "storage/h5_file.h"

#include "storage/file_replace.h"
#include "storage/text_clean.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

static void quiet(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

static void fail(struct h5_writer *w, const char *name)
{
    if (!w->rc)
        w->rc = error_set(w->err, ERR_MEMORY, "%s: cannot build %s in memory", w->path,
                          name);
}

void h5_writer_open(struct h5_writer *w, const char *path, struct error *err)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);

    quiet();
    *w = (struct h5_writer){.path = path, .file = H5I_INVALID_HID, .err = err};
    if (access >= 0 && H5Pset_fapl_core(access, 4u << 20, 0) >= 0)
        w->file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    if (w->file < 0)
        fail(w, "the file");
    H5Pclose(access);
}

static hid_t text_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);

    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

int64_t h5_memory_type(enum h5_type type)
{
    switch (type) {
    case H5_INT64:
        return H5Tcopy(H5T_NATIVE_INT64);
    case H5_INT32:
        return H5Tcopy(H5T_NATIVE_INT32);
    case H5_UINT8:
        return H5Tcopy(H5T_NATIVE_UINT8);
    case H5_REAL64:
        return H5Tcopy(H5T_NATIVE_DOUBLE);
    case H5_REAL32:
        return H5Tcopy(H5T_NATIVE_FLOAT);
    default:
        return text_type();
    }
}

size_t h5_type_size(enum h5_type type)
{
    static const size_t sizes[] = {
        [H5_INT64] = 8,  [H5_INT32] = 4,  [H5_UINT8] = 1,
        [H5_REAL64] = 8, [H5_REAL32] = 4, [H5_TEXT] = sizeof(char *)};

    return sizes[type];
}

/* Groups on the way are made, names are UTF-8. */
static hid_t link_list(void)
{
    hid_t list = H5Pcreate(H5P_LINK_CREATE);

    H5Pset_create_intermediate_group(list, 1);
    H5Pset_char_encoding(list, H5T_CSET_UTF8);
    return list;
}

/* Without the time of writing: equal contents make equal bytes. */
static hid_t array_list(void)
{
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);

    H5Pset_obj_track_times(list, 0);
    return list;
}

static void put_array(struct h5_writer *w, const char *name, enum h5_type type,
                      const void *values, const hsize_t *dims, int rank)
{
    hid_t links = link_list(), plain = array_list(), element = h5_memory_type(type);
    hid_t space = H5Screate_simple(rank, dims, NULL), set;
    hsize_t count = 1;

    for (int i = 0; i < rank; i++)
        count *= dims[i];
    set = H5Dcreate2(w->file, name, element, space, links, plain, H5P_DEFAULT);
    if (set < 0 ||
        (count && H5Dwrite(set, element, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0))
        fail(w, name);
    if (set >= 0 && H5Dclose(set) < 0)
        fail(w, name);
    H5Sclose(space);
    H5Tclose(element);
    H5Pclose(plain);
    H5Pclose(links);
}

static void free_texts(char **texts, int64_t count)
{
    for (int64_t i = 0; texts && i < count; i++)
        free(texts[i]);
    free(texts);
}

static char **clean_texts(const void *first, size_t stride, int64_t count)
{
    char **texts = calloc((size_t)count + 1, sizeof *texts);

    for (int64_t i = 0; texts && i < count; i++) {
        const char *text;

        memcpy(&text, (const char *)first + (size_t)i * stride, sizeof text);
        texts[i] = text_clean(text);
        if (!texts[i]) {
            free_texts(texts, i);
            return NULL;
        }
    }
    return texts;
}

static void *gather(const void *first, size_t stride, size_t size, int64_t count)
{
    char *values = calloc((size_t)count + 1, size);

    for (int64_t i = 0; values && i < count; i++)
        memcpy(values + (size_t)i * size, (const char *)first + (size_t)i * stride,
               size);
    return values;
}

void h5_put_column(struct h5_writer *w, const char *name, enum h5_type type,
                   const void *first, size_t stride, int64_t rows)
{
    hsize_t dim = (hsize_t)rows;
    void *values;

    if (w->rc)
        return;
    if (type != H5_TEXT && stride == h5_type_size(type)) {
        put_array(w, name, type, first, &dim, 1);
        return;
    }
    if (type == H5_TEXT)
        values = clean_texts(first, stride, rows);
    else
        values = gather(first, stride, h5_type_size(type), rows);
    if (values)
        put_array(w, name, type, values, &dim, 1);
    else
        fail(w, name);
    if (type == H5_TEXT)
        free_texts(values, rows);
    else
        free(values);
}

void h5_put_slices(struct h5_writer *w, const char *name, float *const *slices,
                   const int64_t *dims, int rank)
{
    hsize_t sizes[3];
    size_t slice = 1;
    float *values;

    if (w->rc)
        return;
    for (int i = 0; i < rank; i++) {
        sizes[i] = (hsize_t)dims[i];
        slice *= i ? (size_t)dims[i] : 1;
    }
    values = malloc((size_t)dims[0] * slice * sizeof *values + 1);
    for (int64_t i = 0; values && i < dims[0]; i++)
        memcpy(values + (size_t)i * slice, slices[i], slice * sizeof *values);
    if (values)
        put_array(w, name, H5_REAL32, values, sizes, rank);
    else
        fail(w, name);
    free(values);
}

void h5_put_group(struct h5_writer *w, const char *name)
{
    hid_t links, group;

    if (w->rc)
        return;
    links = link_list();
    group = H5Gcreate2(w->file, name, links, H5P_DEFAULT, H5P_DEFAULT);
    if (group < 0 || H5Gclose(group) < 0)
        fail(w, name);
    H5Pclose(links);
}

static void put_attribute(struct h5_writer *w, const char *at, const char *name,
                          enum h5_type type, hid_t space, const void *value)
{
    hid_t element = h5_memory_type(type);
    hid_t attribute = H5Acreate_by_name(w->file, at, name, element, space, H5P_DEFAULT,
                                        H5P_DEFAULT, H5P_DEFAULT);

    if (attribute < 0 || H5Awrite(attribute, element, value) < 0)
        fail(w, name);
    if (attribute >= 0 && H5Aclose(attribute) < 0)
        fail(w, name);
    H5Tclose(element);
}

void h5_put_text(struct h5_writer *w, const char *at, const char *name,
                 const char *text)
{
    char *clean = text_clean(text);
    hid_t space = H5Screate(H5S_SCALAR);

    if (!clean)
        fail(w, name);
    if (!w->rc)
        put_attribute(w, at, name, H5_TEXT, space, &clean);
    H5Sclose(space);
    free(clean);
}

void h5_put_texts(struct h5_writer *w, const char *at, const char *name,
                  const char *const *texts, int64_t count)
{
    hsize_t dim = (hsize_t)count;
    char **clean = clean_texts(texts, sizeof *texts, count);
    hid_t space = H5Screate_simple(1, &dim, NULL);

    if (!clean)
        fail(w, name);
    if (!w->rc)
        put_attribute(w, at, name, H5_TEXT, space, clean);
    H5Sclose(space);
    free_texts(clean, count);
}

void h5_put_integer(struct h5_writer *w, const char *at, const char *name,
                    int64_t value)
{
    hid_t space = H5Screate(H5S_SCALAR);

    if (!w->rc)
        put_attribute(w, at, name, H5_INT64, space, &value);
    H5Sclose(space);
}

static int replace_file(struct h5_writer *w, const void *image, size_t size)
{
    struct file_replace f;
    int rc = file_replace_begin(&f, w->path, w->err);

    if (rc)
        return rc;
    rc = file_replace_write(&f, image, size, w->err);
    if (!rc)
        return file_replace_commit_through(&f, w->gate, w->err);
    file_replace_abandon(&f);
    return rc;
}

static void store(struct h5_writer *w)
{
    ssize_t size = -1;
    void *image = NULL;

    if (H5Fflush(w->file, H5F_SCOPE_GLOBAL) >= 0)
        size = H5Fget_file_image(w->file, NULL, 0);
    if (size > 0)
        image = malloc((size_t)size);
    if (!image || H5Fget_file_image(w->file, image, (size_t)size) != size)
        fail(w, "the file's image");
    else
        w->rc = replace_file(w, image, (size_t)size);
    free(image);
}

int h5_writer_close(struct h5_writer *w)
{
    if (!w->rc)
        store(w);
    if (w->file >= 0)
        H5Fclose(w->file);
    w->file = H5I_INVALID_HID;
    return w->rc;
}
