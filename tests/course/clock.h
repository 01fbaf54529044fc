/* The clock that everything is timed by. */
#ifndef COURSE_CLOCK_H
#define COURSE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* In nanoseconds. */
static inline int64_t
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

#endif
