/* What crews decide becomes messages: HELP to the helper, CREW to the leader, STOP to
 * the helper at the end, which answers as if the trial were its own. */
#include "coordinator/coordinator_parts.h"

#include "jobs/settings_table.h"

#include <stdlib.h>
#include <string.h>

static uint32_t mpi_rank_of(int worker) { return (uint32_t)worker + 1; }

/* The number of the first worker that says the same. */
static int first_alike(const struct coordinator *c, int worker, size_t offset)
{
    const char *mine = (const char *)&c->members[worker] + offset;
    for (int i = 0; i < worker; i++)
        if (!strcmp((const char *)&c->members[i] + offset, mine))
            return i;
    return worker;
}

void coordinator_crew_place(struct coordinator *c, int worker)
{
    crews_place(c->crews, worker, first_alike(c, worker, offsetof(struct member, host)),
                first_alike(c, worker, offsetof(struct member, numerics)));
    c->crews_due = true;
}

static void tell_leader(struct coordinator *c, const struct crew_bond *bond, bool joins)
{
    struct bytes out = {0};
    crew_change_encode(&out, &(struct crew_change){(uint64_t)bond->trial, bond->lease,
                                                   mpi_rank_of(bond->helper), joins});
    coordinator_send(c, bond->leader, &out);
}

void coordinator_crew_lost(struct coordinator *c, int worker)
{
    struct crew_bond bond;
    if (crews_lost(c->crews, worker, &bond) && !c->members[bond.leader].gone)
        tell_leader(c, &bond, false);
    c->crews_due = true;
}

bool coordinator_crew_freed(struct coordinator *c, int worker, uint64_t trial,
                            uint32_t lease)
{
    struct crew_bond bond;
    if (!crews_bond(c->crews, worker, &bond) || (uint64_t)bond.trial != trial ||
        bond.lease != lease)
        return false;
    if (!c->members[bond.leader].gone)
        tell_leader(c, &bond, false);
    crews_freed(c->crews, worker);
    c->requeued = c->crews_due = true;
    return true;
}

static void send_help(struct coordinator *c, const struct crew_bond *bond)
{
    struct settings settings;
    struct bytes out = {0};
    trial_list_settings(c->list, bond->trial, &settings);
    char *text = settings_canonical(&settings);
    help_encode(&out, &(struct help){
                          .trial = (uint64_t)bond->trial,
                          .lease = bond->lease,
                          .leader = mpi_rank_of(bond->leader),
                          .task = (uint16_t)trial_list_parts(c->list, bond->trial).task,
                          .settings = text ? text : "",
                      });
    out.failed = out.failed || !text;
    free(text);
    coordinator_send(c, bond->helper, &out);
}

void coordinator_crew_turn(struct coordinator *c, double now)
{
    static const double pause_s = 0.25;
    enum { AT_ONCE = 16 }; /* each is a look at all workers */
    struct crew_bond bond;
    if (!c->crews_due && now < c->crews_looked + pause_s)
        return;
    c->crews_due = false;
    c->crews_looked = now;
    crews_look(c->crews, c->table, now);
    while (crews_next_to_leave(c->crews, c->table, &bond))
        coordinator_send_stop(
            c, bond.helper,
            (struct stop){(uint64_t)bond.trial, bond.lease, .at_once = true});
    for (int i = 0; i < AT_ONCE; i++) {
        if (!crews_next_to_join(c->crews, c->table, now, &bond))
            return;
        tell_leader(c, &bond, true);
        send_help(c, &bond);
    }
    c->crews_due = true;
}
