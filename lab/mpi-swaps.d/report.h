// What a consumer says about itself, one line per event; see report.c. Called from C, C++ and Fortran.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// At the start of main: which MPI libraries this process has, and the one that its calls reach.
void report_start(void);

// Once the world is known. `version` is what MPI_Get_library_version gives.
void report_rank(int rank, int size, const char *version);

// At the end: how many checks failed. The caller returns the result from main.
int report_end(int wrong);

// Counts a failed check and says which on stderr.
#define CHECK(condition) ((condition) ? 0 : (report_wrong(__FILE__, __LINE__, #condition), wrong++))
void report_wrong(const char *file, int line, const char *condition);

#ifdef __cplusplus
}
#endif
