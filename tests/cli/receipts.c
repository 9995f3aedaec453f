/* Loaded into the ranks before MPI: notes each receipt that the coordinator sends, so
 * that a test can see whether what it has acknowledged is still there after its death.
 * One line "trial lease step" a receipt, appended to $SHIFTWORK_TEST_RECEIPTS. */
#include "common/protocol.h"

#include <fcntl.h>
#include <inttypes.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Behind the header: trial (u64), lease (u32), step (i64), as docs/formats.md says. */
static void note(const uint8_t *message)
{
    const char *path = getenv("SHIFTWORK_TEST_RECEIPTS");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    uint64_t trial;
    uint32_t lease;
    int64_t step;

    if (fd < 0)
        return;
    memcpy(&trial, message + MESSAGE_HEADER, sizeof trial);
    memcpy(&lease, message + MESSAGE_HEADER + 8, sizeof lease);
    memcpy(&step, message + MESSAGE_HEADER + 12, sizeof step);
    dprintf(fd, "%" PRIu64 " %" PRIu32 " %" PRId64 "\n", trial, lease, step);
    close(fd);
}

int MPI_Isend(const void *buf, int count, MPI_Datatype type, int dest, int tag,
              MPI_Comm comm, MPI_Request *request)
{
    if (tag == MESSAGE_RECEIPT && count == MESSAGE_HEADER + 20)
        note(buf);
    return PMPI_Isend(buf, count, type, dest, tag, comm, request);
}
