/*
 * One process of the attack: a volume after another, each under load, until the time is over.
 *
 *     attack FOLDER SEED LIVES REQUESTS PATIENCE
 *
 * FOLDER has a volfile for each life (0.vol, 1.vol, ...).  Findings and one line for each
 * life go to stdout, as JSON.
 */
#include "model.h"

#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <glusterfs/api/glfs.h>

extern void __asan_init(void) __attribute__((weak));

/* Where it was, for a release build; AddressSanitizer tells more. */
static void
crashed(int number)
{
    void *addresses[64];
    int len = backtrace(addresses, 64);

    dprintf(2, "attack: signal %d\n", number);
    backtrace_symbols_fd(addresses, len, 2);
    signal(number, SIG_DFL);
    raise(number);
}

static void *
on_a_stack_of_its_own(void *unused)
{
    return NULL;
}

static void
catch_crashes(void)
{
    const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_RESETHAND | SA_NODEFER};
    void *first[1];

    (void)on_a_stack_of_its_own;
    backtrace(first, 1); /* loads what it needs now */
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
}

/*
 * In the place of GlusterFS's own (its libraries find this one first), which glfs_fini calls when the
 * event threads have said that they end.  They take the pool's mutex once more after that
 * (event_dispatch_epoll_worker), and find it freed when other threads are as many as here.
 */
struct event_pool;
int
gf_event_pool_destroy(struct event_pool *unused)
{
    (void)unused;
    return 0;
}

static void
live(const char *folder, int life)
{
    char path[4096], log[4096];
    glfs_t *fs = glfs_new("attack");
    int ended;

    snprintf(path, sizeof(path), "%s/%d.vol", folder, life);
    snprintf(log, sizeof(log), "%s/log", folder);
    attack_life.begun = attack_life.answered = attack_life.failed = attack_life.over = 0;
    attack_life.arrived = 0;
    if (!fs || glfs_set_volfile(fs, path) || glfs_set_logging(fs, log, 5) || glfs_init(fs)) {
        perror("glfs_init");
        _exit(3);
    }
    for (int found = 0; !attack_life.over && found < 1000 + 120000 * attack_life.late; found += attack_findings > 0)
        usleep(1000);
    if (attack_findings) {
        printf("{\"stopped\": %d}\n", life);
        fflush(stdout);
        _exit(4);
    }
    ended = glfs_fini(fs);
    printf("{\"life\": {\"number\": %d, \"seed\": %" PRIu64 ", \"requests\": %d, "
           "\"answered\": %d, \"failed\": %d, \"arrived\": %d, \"fini\": %d}}\n",
           life, attack_life.seed, attack_life.begun, attack_life.answered, attack_life.failed,
           attack_life.arrived, ended);
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    uint64_t seed;

    if (argc != 6) {
        fprintf(stderr, "usage: attack FOLDER SEED LIVES REQUESTS PATIENCE\n");
        return 2;
    }
    if (!__asan_init)
        catch_crashes();
    seed = strtoull(argv[2], NULL, 10);
    attack_life.requests = atoi(argv[4]);
    attack_life.patience = atoi(argv[5]);
    for (int life = 0; life < atoi(argv[3]); life++) {
        attack_life.seed = attack_mix(seed, life);
        attack_life.first = 1 + (uint64_t)life * 100000;
        attack_life.threads = 2 + attack_life.seed % 7;
        attack_life.down = attack_life.seed % 8 == 1;
        attack_life.asleep = getenv("ATTACK_ASLEEP") || attack_life.seed % 64 < 3 ? 2 : 0;
        live(argv[1], life);
        if (attack_life.asleep)
            sleep(4); /* until they wake up */
    }
    return attack_findings != 0;
}
