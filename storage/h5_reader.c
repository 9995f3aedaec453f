/* Reading: a dataset is used when it is stored in this very file, without filters, and
 * no larger than it, so that nothing in it makes us allocate more than the file's size
 * or follow it elsewhere. */
#include "storage/h5_file.h"

#include <errno.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int h5_reader_fail(struct h5_reader *r, const char *name, const char *reason)
{
    if (!r->rc)
        r->rc = error_set(r->err, ERR_INPUT, "%s: %.200s: %s", r->path, name, reason);
    return r->rc;
}

static void fail_memory(struct h5_reader *r)
{
    if (!r->rc)
        r->rc = error_set(r->err, ERR_MEMORY, "%s: out of memory", r->path);
}

void h5_reader_open(struct h5_reader *r, const char *path, struct error *err)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    struct stat st;

    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    *r = (struct h5_reader){.path = path, .file = H5I_INVALID_HID, .err = err};
    H5Pset_file_locking(access, 0, 1);
    if (stat(path, &st) < 0)
        r->rc = error_set(err, ERR_INPUT, "%s: cannot open: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        r->rc = error_set(err, ERR_INPUT, "%s: not a regular file", path);
    else if ((r->file = H5Fopen(path, H5F_ACC_RDONLY, access)) < 0)
        r->rc =
            error_set(err, ERR_INPUT, "%s: not an HDF5 file, or a damaged one", path);
    else
        r->file_size = st.st_size;
    H5Pclose(access);
}

int h5_reader_close(struct h5_reader *r)
{
    if (r->file >= 0)
        H5Fclose(r->file);
    r->file = H5I_INVALID_HID;
    return r->rc;
}

/* Every step of name is a hard link: soft ones could go anywhere, external ones into
 * other files. */
bool h5_exists(struct h5_reader *r, const char *name)
{
    char *path = strdup(name);
    bool good = path != NULL && !r->rc;

    for (char *slash = path; good && slash;) {
        H5L_info_t info;

        slash = strchr(slash, '/');
        if (slash)
            *slash = 0;
        good = H5Lexists(r->file, path, H5P_DEFAULT) > 0 &&
               H5Lget_info(r->file, path, &info, H5P_DEFAULT) >= 0 &&
               info.type == H5L_TYPE_HARD;
        if (slash)
            *slash++ = '/';
    }
    free(path);
    return good;
}

/* Elements of the dataset if it may be read, -1 otherwise. */
static int64_t check_storage(const struct h5_reader *r, hid_t set, hid_t space)
{
    hid_t list = H5Dget_create_plist(set), type = H5Dget_type(set);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    H5D_layout_t layout = H5Pget_layout(list);
    size_t size = H5Tget_size(type);
    int64_t stored = (int64_t)H5Dget_storage_size(set);
    /* Of a text the type's size is that of a pointer, the storage a longer reference.
     */
    bool good = (layout == H5D_CONTIGUOUS || layout == H5D_COMPACT) &&
                H5Pget_external_count(list) == 0 && count >= 0 && size > 0 &&
                count <= r->file_size / (int64_t)size && stored <= r->file_size &&
                stored >= count * (int64_t)size;

    /* HDF5 allocates nothing for an empty one. */
    if (count == 0)
        good = true;
    H5Tclose(type);
    H5Pclose(list);
    return good ? (int64_t)count : -1;
}

struct opened {
    hid_t set, space;
    int64_t count;
};

static void close_set(struct opened *o)
{
    if (o->space >= 0)
        H5Sclose(o->space);
    if (o->set >= 0)
        H5Dclose(o->set);
}

static bool open_set(struct h5_reader *r, const char *name, struct opened *o)
{
    *o = (struct opened){H5I_INVALID_HID, H5I_INVALID_HID, -1};
    if (r->rc)
        return false;
    if (!h5_exists(r, name)) {
        h5_reader_fail(r, name, "missing");
        return false;
    }
    if ((o->set = H5Dopen2(r->file, name, H5P_DEFAULT)) >= 0 &&
        (o->space = H5Dget_space(o->set)) >= 0)
        o->count = check_storage(r, o->set, o->space);
    if (o->count >= 0)
        return true;
    close_set(o);
    h5_reader_fail(r, name, "not a dataset that this program wrote");
    return false;
}

void h5_dims(struct h5_reader *r, const char *name, int64_t *dims, int rank)
{
    struct opened o;
    hsize_t sizes[H5S_MAX_RANK];
    int64_t product = 1;

    memset(dims, 0, (size_t)rank * sizeof *dims);
    if (!open_set(r, name, &o))
        return;
    if (H5Sget_simple_extent_ndims(o.space) != rank ||
        H5Sget_simple_extent_dims(o.space, sizes, NULL) < 0)
        h5_reader_fail(r, name, "another number of dimensions");
    for (int i = 0; !r->rc && i < rank; i++) {
        /* Callers multiply them, also where another one is 0. */
        if (sizes[i] > (hsize_t)r->file_size ||
            __builtin_mul_overflow(product, sizes[i] ? (int64_t)sizes[i] : 1, &product))
            h5_reader_fail(r, name, "a dimension larger than the file");
        else
            dims[i] = (int64_t)sizes[i];
    }
    close_set(&o);
}

int64_t h5_rows(struct h5_reader *r, const char *name)
{
    int64_t rows;

    h5_dims(r, name, &rows, 1);
    return r->rc ? 0 : rows;
}

/* The type in memory, if the one in the file is of the same class. */
static hid_t reading_type(enum h5_type type, hid_t stored)
{
    static const H5T_class_t classes[] = {
        [H5_INT64] = H5T_INTEGER, [H5_INT32] = H5T_INTEGER, [H5_UINT8] = H5T_INTEGER,
        [H5_REAL64] = H5T_FLOAT,  [H5_REAL32] = H5T_FLOAT,  [H5_TEXT] = H5T_STRING};
    hid_t memory;

    if (H5Tget_class(stored) != classes[type])
        return H5I_INVALID_HID;
    if (type == H5_TEXT && H5Tis_variable_str(stored) <= 0)
        return H5I_INVALID_HID;
    memory = h5_memory_type(type);
    if (type == H5_TEXT)
        H5Tset_cset(memory, H5Tget_cset(stored));
    return memory;
}

bool h5_has_type(struct h5_reader *r, const char *name, enum h5_type type)
{
    struct opened o;
    hid_t stored, memory;

    if (!open_set(r, name, &o))
        return false;
    stored = H5Dget_type(o.set);
    memory = reading_type(type, stored);
    if (memory >= 0)
        H5Tclose(memory);
    H5Tclose(stored);
    close_set(&o);
    return memory >= 0;
}

/* Texts that HDF5 allocated become ours. */
static void own_texts(struct h5_reader *r, hid_t memory, hid_t space, char **texts,
                      int64_t count)
{
    char **own = calloc((size_t)count + 1, sizeof *own);

    for (int64_t i = 0; own && i < count; i++)
        if (!(own[i] = strdup(texts[i] ? texts[i] : ""))) {
            while (i--)
                free(own[i]);
            free(own);
            own = NULL;
        }
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, texts);
    if (own)
        memcpy(texts, own, (size_t)count * sizeof *own);
    else
        fail_memory(r);
    free(own);
}

void *h5_get_array(struct h5_reader *r, const char *name, enum h5_type type,
                   int64_t count)
{
    struct opened o;
    hid_t stored, memory;
    void *values = NULL;

    if (!open_set(r, name, &o))
        return NULL;
    stored = H5Dget_type(o.set);
    memory = reading_type(type, stored);
    if (o.count != count)
        h5_reader_fail(r, name, "another number of elements than its table has");
    else if (memory < 0)
        h5_reader_fail(r, name, "another type of elements");
    else if (!(values = calloc((size_t)count + 1, h5_type_size(type))))
        fail_memory(r);
    else if (count && H5Dread(o.set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        h5_reader_fail(r, name, "cannot be read");
    else if (type == H5_TEXT && count)
        own_texts(r, memory, o.space, values, count);
    if (memory >= 0)
        H5Tclose(memory);
    H5Tclose(stored);
    close_set(&o);
    if (r->rc) {
        free(values);
        values = NULL;
    }
    return values;
}

void h5_get_column(struct h5_reader *r, const char *name, enum h5_type type,
                   void *first, size_t stride, int64_t rows)
{
    size_t size = h5_type_size(type);
    char *values;

    if (!r->rc && h5_rows(r, name) != rows)
        h5_reader_fail(r, name, "another number of rows than its table has");
    values = h5_get_array(r, name, type, rows);
    for (int64_t i = 0; values && i < rows; i++)
        memcpy((char *)first + (size_t)i * stride, values + (size_t)i * size, size);
    free(values);
}

struct attribute {
    hid_t id, type, space;
    int64_t count;
};

static void close_attribute(struct attribute *a)
{
    if (a->space >= 0)
        H5Sclose(a->space);
    if (a->type >= 0)
        H5Tclose(a->type);
    if (a->id >= 0)
        H5Aclose(a->id);
}

static bool open_attribute(struct h5_reader *r, const char *at, const char *name,
                           enum h5_type type, struct attribute *a)
{
    hid_t stored = H5I_INVALID_HID;

    *a = (struct attribute){H5I_INVALID_HID, H5I_INVALID_HID, H5I_INVALID_HID, -1};
    if (r->rc)
        return false;
    if ((!strcmp(at, "/") || h5_exists(r, at)) &&
        (a->id = H5Aopen_by_name(r->file, at, name, H5P_DEFAULT, H5P_DEFAULT)) >= 0 &&
        (a->space = H5Aget_space(a->id)) >= 0 && (stored = H5Aget_type(a->id)) >= 0) {
        a->count = H5Sget_simple_extent_npoints(a->space);
        a->type = reading_type(type, stored);
    }
    if (stored >= 0)
        H5Tclose(stored);
    if (a->type >= 0 && a->count >= 0 && a->count <= r->file_size)
        return true;
    close_attribute(a);
    h5_reader_fail(r, name, "this attribute is missing or of another kind");
    return false;
}

char **h5_get_texts(struct h5_reader *r, const char *at, const char *name,
                    int64_t *count)
{
    struct attribute a;
    char **texts;

    *count = 0;
    if (!open_attribute(r, at, name, H5_TEXT, &a))
        return NULL;
    texts = calloc((size_t)a.count + 1, sizeof *texts);
    if (!texts)
        fail_memory(r);
    else if (a.count && H5Aread(a.id, a.type, texts) < 0)
        h5_reader_fail(r, name, "cannot be read");
    else if (a.count)
        own_texts(r, a.type, a.space, texts, a.count);
    if (r->rc) {
        free(texts);
        texts = NULL;
    } else {
        *count = a.count;
    }
    close_attribute(&a);
    return texts;
}

char *h5_get_text(struct h5_reader *r, const char *at, const char *name)
{
    int64_t count;
    char **texts = h5_get_texts(r, at, name, &count), *text = NULL;

    if (texts && count == 1)
        text = texts[0];
    else if (texts)
        h5_reader_fail(r, name, "not one text");
    for (int64_t i = 0; !text && i < count; i++)
        free(texts[i]);
    free(texts);
    return text;
}

int64_t h5_get_integer(struct h5_reader *r, const char *at, const char *name)
{
    struct attribute a;
    int64_t value = 0;

    if (!open_attribute(r, at, name, H5_INT64, &a))
        return 0;
    if (a.count != 1 || H5Aread(a.id, a.type, &value) < 0)
        h5_reader_fail(r, name, "not one integer");
    close_attribute(&a);
    return value;
}

struct name_list {
    char **names;
    int64_t count, room;
};

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info,
                       void *data)
{
    struct name_list *list = data;

    (void)group;
    (void)info;
    if (list->count == list->room || !(list->names[list->count] = strdup(name)))
        return -1;
    list->count++;
    return 0;
}

char **h5_get_names(struct h5_reader *r, const char *group, int64_t *count)
{
    struct name_list list = {0};
    H5G_info_t info = {0};
    hid_t id = H5I_INVALID_HID;
    hsize_t at = 0;

    *count = 0;
    if (r->rc)
        return NULL;
    if (h5_exists(r, group))
        id = H5Gopen2(r->file, group, H5P_DEFAULT);
    if (id < 0 || H5Gget_info(id, &info) < 0 || info.nlinks > (hsize_t)r->file_size)
        h5_reader_fail(r, group, "not a group");
    else if (!(list.names = calloc((size_t)info.nlinks + 1, sizeof *list.names)))
        fail_memory(r);
    else {
        list.room = (int64_t)info.nlinks;
        if (H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, &at, add_name, &list) < 0)
            h5_reader_fail(r, group, "its names cannot be read");
    }
    if (id >= 0)
        H5Gclose(id);
    *count = list.count;
    if (!r->rc)
        return list.names;
    while (list.count)
        free(list.names[--list.count]);
    free(list.names);
    *count = 0;
    return NULL;
}
