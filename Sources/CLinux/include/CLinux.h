// The few system calls that Swift cannot make: one verb per function, no policy.
// A negative result is an errno, negated.

#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <sys/types.h>

// What a path leads to, as sw_prober_kind answers.
enum { SW_ABSENT = 0, SW_DIRECTORY = 1, SW_FILE = 2 };

// Starts a child that looks at paths, so that a mount that never answers hangs the child only.
//
// The child keeps no descriptor but its end of a socket and dies with its parent. Returns the
// parent's end, close-on-exec. Why C: between fork and exit a child of a process with threads may
// call async-signal-safe functions only (signal-safety(7)), which no Swift code can promise.
int sw_prober_start(pid_t *child);

// Asks what a path leads to, symbolic links followed, and does not wait for the answer. Answers
// come in the order of the questions. At most 16 may be open: their bytes fit the socket's buffer,
// so that neither side waits for the other.
int sw_prober_ask_kind(int prober, const char *path);

// Takes the next answer; -ETIMEDOUT when nothing answers in time.
int sw_prober_answer(int prober, int timeout_ms);

// Asks for the names in a directory, each ended by NUL, `.` and `..` left out. Returns their
// length in bytes; -ENOBUFS when they do not fit.
ssize_t sw_prober_names(int prober, const char *path, int timeout_ms, char *buffer,
                        size_t capacity);

// Ends the child without waiting for one that cannot be killed.
void sw_prober_stop(int prober, pid_t child);

// Replaces the process: empties the signal mask, restores SIGPIPE, then execve(2).
// Returns only on failure.
int sw_execute(const char *path, char *const argv[], char *const envp[]);

// Makes a file in memory, which the program that replaces this one inherits.
int sw_memory_file(const char *name);

// Sets or unsets (value NULL) a variable that a C library reads; for use before any thread.
void sw_set_variable(const char *name, const char *value);

#endif
