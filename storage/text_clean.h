/* Texts for formats that must be UTF-8: HDF5 strings, JSON. */
#ifndef STORAGE_TEXT_CLEAN_H
#define STORAGE_TEXT_CLEAN_H

/* A copy on the heap in which each byte that is not part of valid UTF-8 is '?'. NULL is
 * "". Returns NULL when out of memory. */
char *text_clean(const char *text);

#endif
