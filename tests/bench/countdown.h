/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A loop whose number of instructions is known, for load.c: of each machine.
 * COUNT_DOWN(n) counts the variable down to 0, INSTRUCTIONS in each round.
 */
#ifndef COUNTDOWN_H
#define COUNTDOWN_H

#if defined(__x86_64__)
#define COUNT_DOWN(n)	asm volatile("1: dec %0; jnz 1b" : "+r" (n) : : "cc")
#define INSTRUCTIONS	2
#elif defined(__s390x__)
#define COUNT_DOWN(n)	asm volatile("1: brctg %0, 1b" : "+r" (n))
#define INSTRUCTIONS	1
#elif defined(__aarch64__) || defined(__arm__)
#define COUNT_DOWN(n)	asm volatile("1: subs %0, %0, #1; bne 1b" : "+r" (n) : : "cc")
#define INSTRUCTIONS	2
#elif defined(__riscv)
#define COUNT_DOWN(n)	asm volatile("1: addi %0, %0, -1; bnez %0, 1b" : "+r" (n))
#define INSTRUCTIONS	2
#else
#error "a loop for this machine"
#endif

#endif
