#!/usr/bin/env node
/**
 * The first line of the program, in JavaScript that any Node from the last years can read, so that a Node that is too old
 * gets a sentence instead of a stack trace. It says nothing else and decides nothing else: the program is `main`.
 *
 * A checkout runs from its sources, which needs a Node that strips types by itself; a published package is plain JavaScript.
 */
import { existsSync } from 'node:fs'
import { argv, exit, stderr, versions } from 'node:process'
import { fileURLToPath } from 'node:url'

const source = new URL('main.ts', import.meta.url)
const built = new URL('../dist/cli/main.js', import.meta.url)
const inCheckout = existsSync(source)

// Before these, Node does not strip types, and loading SQLite ends it without a word.
const [major = 0, minor = 0] = versions.node.split('.').map(Number)
const tooOld = major < 22 || (major === 22 && minor < 18) || (major === 23 && minor < 6)

if (tooOld) {
  const cure = inCheckout ? ' (here, `npm install` brings one that `npm run` and `npx linnet` use)' : ''
  stderr.write(`linnet needs Node 22.18 or newer; this is Node ${versions.node}${cure}.\n`)
  exit(1)
}

const main = inCheckout ? source : built
argv[1] = fileURLToPath(main) // So that help names the program, and a child can be started the same way.
await import(main.href)
