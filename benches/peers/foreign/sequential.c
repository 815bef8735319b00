/* The loops of openmp.c on one thread, to compare compilers apart from runtimes. */
#include "openmp.c"
