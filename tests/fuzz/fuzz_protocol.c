/* A message as it may arrive, and the same with a header that tells its true version
 * and size; what decodes encodes to the same bytes. */
#include "common/protocol.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes as NAME and compares what encoding gives. */
#define CHECK(NAME)                                                                    \
    {                                                                                  \
        struct NAME m;                                                                 \
        rc = NAME##_decode(&m, data, size, &err);                                      \
        if (!rc)                                                                       \
            NAME##_encode(&again, &m);                                                 \
        break;                                                                         \
    }

static void check(const uint8_t *data, size_t size)
{
    struct bytes again = {0};
    struct error err;
    enum message_tag tag;
    size_t whole;
    int rc = message_header_decode(&tag, &whole, data, size, &err);
    if (rc)
        return;
    switch (tag) {
    case MESSAGE_HELLO:
        CHECK(hello)
    case MESSAGE_HEARTBEAT:
        CHECK(heartbeat)
    case MESSAGE_REPORT:
        CHECK(report)
    case MESSAGE_RESULT:
        CHECK(result)
    case MESSAGE_FAILURE:
        CHECK(failure)
    case MESSAGE_STOPPED:
        CHECK(stopped)
    case MESSAGE_UNFIT:
        CHECK(unfit)
    case MESSAGE_WELCOME:
        CHECK(welcome)
    case MESSAGE_TASK:
        CHECK(task_order)
    case MESSAGE_GRANT:
        CHECK(grant)
    case MESSAGE_RECEIPT:
        CHECK(receipt)
    case MESSAGE_STOP:
        CHECK(stop)
    case MESSAGE_FAREWELL:
        CHECK(farewell)
    case MESSAGE_CREW:
        CHECK(crew_change)
    case MESSAGE_HELP:
        CHECK(help)
    case MESSAGE_JOIN:
        CHECK(join)
    case MESSAGE_WORK:
        CHECK(work)
    case MESSAGE_PART:
        CHECK(part)
    case MESSAGE_FETCH:
        CHECK(fetch)
    case MESSAGE_STAGED:
        CHECK(staged)
    case MESSAGE_STAGE:
        CHECK(stage_order)
    case MESSAGE_MEASURED:
        CHECK(measured)
    case MESSAGE_MEASURE:
        rc = measure_decode(data, size, &err);
        if (!rc)
            measure_encode(&again);
        break;
    case MESSAGE_FILE:
        CHECK(stage_file)
    case MESSAGE_CHUNK:
        CHECK(chunk)
    default:
        rc = alive_decode(data, size, &err);
        if (!rc)
            alive_encode(&again);
    }
    if (!rc && (again.size != size || memcmp(again.data, data, size)))
        abort();
    bytes_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size);
    if (size < MESSAGE_HEADER)
        return 0;
    uint8_t *honest = malloc(size);
    if (!honest)
        return 0;
    memcpy(honest, data, size);
    struct bytes header = {.data = honest, .size = size, .capacity = size};
    honest[0] = PROTOCOL_VERSION;
    honest[1] = 0;
    bytes_set_u32(&header, 4, (uint32_t)size);
    check(honest, size);
    free(honest);
    return 0;
}
