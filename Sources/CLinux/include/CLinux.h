// The few system calls that Swift cannot make: one verb per function, no policy.
// A negative result is an errno, negated.

#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <stdint.h>
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

// By what a file or directory is seen to have changed. The size of a directory is 0: file systems
// differ in what they say of it.
struct sw_mark {
    int64_t size;
    int64_t mtime_ns;
};

// The most that one sw_prober_ask_marks asks: the questions and the answers fit the socket's buffers.
enum { SW_MARKS_COUNT = 128, SW_MARKS_BYTES = 1 << 15 };

// Asks for the marks of as many of the paths as fit; returns how many. Their answers must be taken
// before anything else is asked. Not for several threads.
int sw_prober_ask_marks(int prober, const char *const paths[], int count);

// As sw_prober_answer; the mark is filled where the path leads to something.
int sw_prober_answer_mark(int prober, int timeout_ms, struct sw_mark *mark);

// Asks for the revision of the CVMFS repository that a path lies in, a text without an end. Returns
// its length; 0 where the path lies in none.
ssize_t sw_prober_revision(int prober, const char *path, int timeout_ms, char *buffer,
                           size_t capacity);

// The most bytes of one part of an answer.
enum { SW_PART = 1 << 16 };

// Which file or directory was looked at, and its mark.
struct sw_look {
    uint64_t device;
    uint64_t inode;
    struct sw_mark mark;
};

// As sw_prober_ask_kind; the answer comes in parts, the first of which is a struct sw_look.
//
// A list: what is in a directory but for `.` and `..`, each entry as a letter and a name ended by
// NUL: d for a directory, f for a file, x for what is neither; of a symbolic link the capital
// letter of what it leads to (X also for nothing), and its text ended by NUL behind the name.
// -ENOBUFS beyond 16 MiB. A beginning: the first SW_PART bytes of a regular file; a piece: as many
// from an offset on.
int sw_prober_ask_list(int prober, const char *path);
int sw_prober_ask_beginning(int prober, const char *path);
int sw_prober_ask_piece(int prober, const char *path, int64_t offset);

// Takes the next part of the answer into SW_PART bytes. Returns its length; 0 at the end of the
// answer, and what ended it where that was an error.
ssize_t sw_prober_answer_part(int prober, int timeout_ms, void *part);

// Ends the child without waiting for one that cannot be killed.
void sw_prober_stop(int prober, pid_t child);

// Replaces the process: empties the signal mask, restores SIGPIPE, then execve(2).
// Returns only on failure.
int sw_execute(const char *path, char *const argv[], char *const envp[]);

// Lets two names of one file system change places at once, whatever they name; no link is followed.
int sw_exchange(int directory, const char *name, int other_directory, const char *other_name);

// Makes a file in memory, which the program that replaces this one inherits.
int sw_memory_file(const char *name);

// Runs a program to its end: gives it `descriptors` as 0, 1, 2 … and nothing else open, in a process
// group of its own that dies when this process does or the time is over. No file that it writes may
// grow beyond `file_limit` bytes. Every second the times of the file `heartbeat` become those of
// now; -1 is no file. Returns the status of wait(2); -ETIMEDOUT when it was ended.
int sw_run(const char *path, char *const argv[], char *const envp[], const int descriptors[],
           int count, int timeout_ms, int64_t file_limit, int heartbeat);

// Starts a program with `descriptors` as 0, 1, 2 … and nothing else open, in a process group of its
// own, all signals at their defaults. It is killed when the thread that called this ends
// (PR_SET_PDEATHSIG, prctl(2)). The exit status 127 also says that it could not be executed.
pid_t sw_start(const char *path, char *const argv[], char *const envp[], const int descriptors[],
               int count);

// O_PATH of open(2), which the C library's headers hide from Swift.
extern const int sw_path_only;

// Opens a path as if the directory `root` were `/`: absolute links and `..` stay below it, and no
// link of /proc leads out (openat2(2)).
int sw_open_in_root(int root, const char *path, int flags);

// The same by hand, for kernels before 5.6, and for sandboxes that forbid openat2(2).
int sw_walk_in_root(int root, const char *path, int flags);

// Opens what lies below a directory, on its file system and through no symbolic link (openat2(2)).
int sw_open_beneath(int directory, const char *path, int flags);

// Sets or unsets (value NULL) a variable that a C library reads; for use before any thread.
void sw_set_variable(const char *name, const char *value);

// MARK: namespaces

// Kinds for sw_unshare and sw_join, and flags for sw_mount: mounts that go on to follow those of the
// host; no setuid programs and no devices.
extern const int sw_new_user, sw_new_mount;
extern const unsigned long sw_slave, sw_confined;

// fork(2), for a process with one thread: the child of one may go on with Swift code.
int sw_fork(void);

// unshare(2), setns(2) and mount(2).
int sw_unshare(int kinds);
int sw_join(int namespace, int kind);
int sw_mount(const char *source, const char *target, const char *type, unsigned long flags,
             const char *data);

// A copy of what is mounted at a path and below, attached nowhere yet (open_tree(2)); made
// read-only (mount_setattr(2)); attached to a directory or file that is open (move_mount(2)).
int sw_clone_tree(const char *path);
int sw_make_tree_read_only(int tree);
int sw_attach_tree(int tree, int target);

// Opens a path (O_PATH) as if the directory `root` were `/`, and makes what is missing: directories,
// and at its end a directory or an empty file.
int sw_make_in_root(int root, const char *path, int is_directory);

// Hands a descriptor to the process at the other end of a socket, and takes it there.
int sw_send_descriptor(int socket, int descriptor);
int sw_receive_descriptor(int socket);

// Gives up all capabilities for good (no_new_privs), as a process must that joined a namespace.
int sw_drop_capabilities(void);

// Ignores what Slurm, a terminal or a user sends a job: a server of files must outlive it.
void sw_leave_signals(void);

// Closes every descriptor from `first` on.
int sw_close_from(int first);

// MARK: Layers of images (layers.c)

// Both ends of a pipe, close-on-exec from the beginning (pipe2(2)).
int sw_pipe(int ends[2]);

// Sets an extended attribute of an open file or directory (fsetxattr(2)).
int sw_set_attribute(int file, const char *name, const void *value, size_t count);

// Waits until all that was written to the file system of a file is on its disk (syncfs(2)).
int sw_sync_file_system(int file);

#endif
