/* Private to the protocol's sources: how every message begins and ends, and what
 * several have inside. */
#ifndef COMMON_PROTOCOL_PARTS_H
#define COMMON_PROTOCOL_PARTS_H

#include "common/protocol.h"

/* Returns where the message starts, for message_end(). */
size_t message_begin(struct bytes *out, enum message_tag tag);
void message_end(struct bytes *out, size_t start);

/* Places in at the first field of a message of this tag. */
int message_open(struct bytes_reader *in, enum message_tag wanted, const uint8_t *buf,
                 size_t len, struct error *err);
/* All fields were read: it must have been all, and valid. */
int message_close(const struct bytes_reader *in, enum message_tag tag, bool valid,
                  struct error *err);

void message_put_floats(struct bytes *out, struct message_floats floats);
struct message_floats message_get_floats(struct bytes_reader *in);

#endif
