#ifndef PULSE_IMPORT_H
#define PULSE_IMPORT_H

/* The command pulse-worker import: argv[0] is "import". Returns the exit status. */
extern int	import_command(int argc, char **argv);

#endif
