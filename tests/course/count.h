/*
 * Counting what a thread allocates and takes references to: see count.c.
 */
#ifndef COURSE_COUNT_H
#define COURSE_COUNT_H

/* From here on the calls of this thread are counted, from nought. */
void course_count_start(void);
/* Stop, and give the counts: a JSON object, valid until the next start. */
const char *course_count_stop(void);

#endif
