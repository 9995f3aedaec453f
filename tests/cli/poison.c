/* Loaded into the ranks before MPI: a worker that is handed a trial whose settings hold
 * $SHIFTWORK_TEST_POISON kills itself, as one does that runs into a fault of its own.
 */
#include "common/protocol.h"

#include <mpi.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* A worker has one receive posted at a time. */
static const void *posted;

int MPI_Irecv(void *buf, int count, MPI_Datatype type, int source, int tag,
              MPI_Comm comm, MPI_Request *request)
{
    if (source == 0)
        posted = buf;
    return PMPI_Irecv(buf, count, type, source, tag, comm, request);
}

static void look_at(const MPI_Status *status)
{
    const char *text = getenv("SHIFTWORK_TEST_POISON");
    int size = 0;

    MPI_Get_count(status, MPI_BYTE, &size);
    if (text && posted && size > 0 && memmem(posted, (size_t)size, text, strlen(text)))
        raise(SIGKILL);
}

int MPI_Testsome(int incount, MPI_Request requests[], int *outcount, int indices[],
                 MPI_Status statuses[])
{
    int rc = PMPI_Testsome(incount, requests, outcount, indices, statuses);

    for (int i = 0; *outcount != MPI_UNDEFINED && i < *outcount; i++)
        if (statuses[i].MPI_TAG == MESSAGE_GRANT)
            look_at(&statuses[i]);
    return rc;
}
