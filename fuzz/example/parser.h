/* A small parser, to be fuzzed: a message is records, each a letter, a length and so many bytes. */
#ifndef BARTIZAN_FUZZ_EXAMPLE_PARSER_H_
#define BARTIZAN_FUZZ_EXAMPLE_PARSER_H_

#include <stddef.h>
#include <stdint.h>

/* Parses the message and returns a checksum of what it says. Whatever the bytes, all memory is free
 * again. */
uint32_t parse_message(const uint8_t* bytes, size_t size);

#endif /* BARTIZAN_FUZZ_EXAMPLE_PARSER_H_ */
