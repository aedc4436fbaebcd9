// What the starters of children share.

#ifndef CHILDREN_H
#define CHILDREN_H

#include <stdint.h>
#include <sys/types.h>

// The most descriptors that sw_become_child gives.
enum { SW_MOST_DESCRIPTORS = 16 };

// In a child, async-signal-safe (signal-safety(7)): has it killed when the thread that forked it
// ends, and gives it `descriptors` as 0, 1, 2 … and nothing else open. Ends it where that fails.
void sw_become_child(pid_t parent, const int descriptors[], int count);

// Waits for a child that was killed, until it is gone or the time is over: one inside a request
// that a mount never answers cannot be killed; it is left to init.
void sw_reap(pid_t child, int timeout_ms);

// A descriptor to poll(2) until a child has ended; negative, which poll(2) ignores, on kernels
// before 5.3.
int sw_child_descriptor(pid_t child);

int64_t sw_now_ms(void);

#endif
