/* Loaded into the ranks before MPI: notes each receipt that the coordinator sends, so
 * that a test can see whether what it has acknowledged is still there after its death.
 * One line "trial lease step" a receipt, appended to $SHIFTWORK_TEST_RECEIPTS. */
#include "common/protocol.h"

#include <fcntl.h>
#include <inttypes.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void note(const struct receipt *receipt)
{
    const char *path = getenv("SHIFTWORK_TEST_RECEIPTS");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

    if (fd < 0)
        return;
    dprintf(fd, "%" PRIu64 " %" PRIu32 " %" PRId64 "\n", receipt->trial, receipt->lease,
            receipt->step);
    close(fd);
}

int MPI_Isend(const void *buf, int count, MPI_Datatype type, int dest, int tag,
              MPI_Comm comm, MPI_Request *request)
{
    struct receipt receipt;

    if (tag == MESSAGE_RECEIPT &&
        receipt_decode(&receipt, buf, (size_t)count, NULL) == 0)
        note(&receipt);
    return PMPI_Isend(buf, count, type, dest, tag, comm, request);
}
