/*
 * In what order set-ups take turns: another one in each round, the same in each run, so
 * that none always comes after one that leaves caches, or the disk, in some state.
 */
#ifndef BENCH_TURNS_H
#define BENCH_TURNS_H

#include <stdint.h>

enum { TURNS = 64 };

/* The numbers 0 to n - 1 in the order of the next round. */
static inline void
take_turns(int order[TURNS], int n)
{
    static uint64_t state = 1;

    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        int other, swapped = order[i];

        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        other = (int)((state >> 33) % (uint64_t)(i + 1));
        order[i] = order[other];
        order[other] = swapped;
    }
}

#endif
