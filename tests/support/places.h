/* Where tests find their files. Strings live as long as the program. */
#ifndef TESTS_SUPPORT_PLACES_H
#define TESTS_SUPPORT_PLACES_H

const char *place_source(const char *relative); /* a file of the source tree */
/* The real encoder's folder, or NULL: $SHIFTWORK_ENCODER, else
 * encoders/all-MiniLM-L6-v2. */
const char *place_encoder(void);
/* A file of the benchmark data, or NULL: $SHIFTWORK_DATA, else ../shared/data. */
const char *place_data(const char *relative);
/* A fresh temporary folder, removed when the program ends. */
const char *place_temporary(void);

#endif
