/**
 * Proves that the linter really checks: plants one violation of each kind in a copy of the tree's shape and expects each to
 * be reported, and the files beside them that break nothing not to be. A linter that silently sees no file passes
 * everything; here it would fail.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** Files that others import, and what is allowed: none of these may be reported. */
const innocent: Record<string, string> = {
  'protocol/ids.ts': `import { bytesToHex } from '@noble/hashes/utils.js'\nexport const hex = bytesToHex\n`,
  'protocol/wire/card.ts': `import { hex } from '../ids.ts'\nexport const print = hex\n`,
  'protocol/shell/driver.ts': `export const alarm = (f: () => void): unknown => setTimeout(f, Date.now())\n`,
  'protocol/crypto/provider-node.ts': `import { randomBytes } from 'node:crypto'\nexport const bytes = randomBytes\n`,
  'node/core/device.ts': `import { hex } from '../../protocol/ids.ts'\nimport { later } from './backoff.ts'\nexport const device = [hex, later]\n`,
  'node/core/backoff.ts': `export const later = (nowMs: number): number => nowMs + 1\n`,
  'node/io/store.ts': `import { readFileSync } from 'node:fs'\nimport { device } from '../core/device.ts'\nimport { alarm } from '../../protocol/shell/driver.ts'\nexport const store = [readFileSync, device, alarm]\n`,
  'node/node.ts': `import { store } from './io/store.ts'\nexport const createNode = (): unknown => store\n`,
  'node/index.ts': `export { createNode } from './node.ts'\n`,
  'relay/core/mailboxes.ts': `import { hex } from '../../protocol/ids.ts'\nexport const mailboxes = hex\n`,
  'relay/io/store.ts': `import { mailboxes } from '../core/mailboxes.ts'\nexport const store = mailboxes\n`,
  'relay/index.ts': `export { store as createRelay } from './io/store.ts'\n`,
  'cli/main.ts': `import { Command } from 'commander'\nimport { createNode } from '../node/index.ts'\nimport { createRelay } from '../relay/index.ts'\nexport const main = [Command, createNode, createRelay]\n`,
  'test/helper.ts': `import { store } from '../node/io/store.ts'\nexport const helper = store\n`,
}

const imports = 'eslint(no-restricted-imports)'
const globals = 'eslint(no-restricted-globals)'

/** What is planted, where, and the rule that must see it. */
const planted: ReadonlyArray<readonly [what: string, file: string, source: string, rule: string]> = [
  // Layers: arrows point one way.
  ['protocol imports node', 'protocol/a1.ts', `export { store } from '../node/io/store.ts'`, imports],
  ['protocol imports Node', 'protocol/wire/a2.ts', `export { readFileSync } from 'node:fs'`, imports],
  ['protocol imports node:crypto', 'protocol/crypto/a3.ts', `export { randomBytes } from 'node:crypto'`, imports],
  ['protocol imports its shell', 'protocol/wire/a4.ts', `export { alarm } from '../shell/driver.ts'`, imports],
  ['protocol imports a type of libp2p', 'protocol/a5.ts', `export type { PeerId } from '@libp2p/interface'`, imports],
  ['the shell imports node', 'protocol/shell/a6.ts', `export { store } from '../../node/io/store.ts'`, imports],
  ['the provider reads files', 'protocol/crypto/provider-node.ts', `export { readFileSync } from 'node:fs'`, imports],
  ['a core imports io', 'node/core/b1.ts', `export { store } from '../io/store.ts'`, imports],
  ['a core imports what is above it', 'node/core/b2.ts', `export { createNode } from '../node.ts'`, imports],
  ['a core imports a package', 'node/core/b3.ts', `export { bytesToHex } from '@noble/hashes/utils.js'`, imports],
  ['a core imports Node', 'relay/core/b4.ts', `export { readFileSync } from 'node:fs'`, imports],
  ['a core imports the shell', 'relay/core/b5.ts', `export { alarm } from '../../protocol/shell/driver.ts'`, imports],
  [
    'a core imports the other side',
    'node/core/b6.ts',
    `export { mailboxes } from '../../relay/core/mailboxes.ts'`,
    imports,
  ],
  ['a core loads later', 'node/core/b7.ts', `export const f = (): unknown => import('node:fs')`, imports],
  ['io imports what is built from it', 'node/io/c1.ts', `export { createNode } from '../index.ts'`, imports],
  ['relay io imports what is built from it', 'relay/io/c2.ts', `export { createRelay } from '../index.ts'`, imports],
  ['io imports the other side', 'relay/io/c3.ts', `export { device } from '../../node/core/device.ts'`, imports],
  ['node imports relay', 'node/c4.ts', `export { createRelay } from '../relay/index.ts'`, imports],
  ['relay imports node', 'relay/c5.ts', `export { createNode } from '../node/index.ts'`, imports],
  ['cli reaches behind node/index', 'cli/d1.ts', `export { createNode } from '../node/node.ts'`, imports],
  ['cli reaches into a core', 'cli/commands/d2.ts', `export { device } from '../../node/core/device.ts'`, imports],
  ['cli imports protocol', 'cli/d3.ts', `export { hex } from '../protocol/ids.ts'`, imports],
  ['cli imports libp2p', 'cli/d4.ts', `export { createLibp2p } from 'libp2p'`, imports],
  ['io imports a test', 'node/io/d5.ts', `export { helper } from '../../test/helper.ts'`, imports],
  ['cli imports a test', 'cli/d6.ts', `export { helper } from '../test/helper.ts'`, imports],
  // Cycles.
  [
    'a cycle',
    'node/core/e1.ts',
    `import { e2 } from './e2.ts'\nexport const e1 = (): unknown => e2`,
    'import(no-cycle)',
  ],
  [
    'its other half',
    'node/core/e2.ts',
    `import { e1 } from './e1.ts'\nexport const e2 = (): unknown => e1`,
    'import(no-cycle)',
  ],
  // Purity of the rules.
  ['the clock', 'node/core/f1.ts', `export const f = (): number => Date.now()`, globals],
  ['another clock', 'protocol/wire/f2.ts', `export const f = (): Date => new Date()`, globals],
  ['a timer', 'relay/core/f3.ts', `setTimeout(() => undefined, 1)`, globals],
  ['the process', 'node/core/f4.ts', `export const f = process.pid`, globals],
  ['the console', 'relay/core/f5.ts', `console.log('x')`, globals],
  ['a way around', 'protocol/f6.ts', `export const f = (): unknown => globalThis.performance`, globals],
  ['chance', 'relay/core/f7.ts', `export const f = Math.random()`, 'eslint(no-restricted-properties)'],
  ['async', 'node/core/f8.ts', `export async function f(): Promise<void> {}`, 'oxc(no-async-await)'],
  ['async in protocol', 'protocol/f9.ts', `export const f = async (): Promise<void> => {}`, 'oxc(no-async-await)'],
  // What needs types.
  [
    'a floating promise',
    'node/io/g1.ts',
    `const f = async (): Promise<void> => {}\nf()`,
    'typescript(no-floating-promises)',
  ],
  [
    'a switch that misses a case',
    'node/core/g2.ts',
    `export function f(x: 'a' | 'b'): void {\n  switch (x) {\n    case 'a':\n      break\n  }\n}`,
    'typescript(switch-exhaustiveness-check)',
  ],
  [
    'a rule that says default for the rest',
    'relay/core/g4.ts',
    `export function f(x: 'a' | 'b'): void {\n  switch (x) {\n    case 'a':\n      return\n    default:\n  }\n}`,
    'typescript(switch-exhaustiveness-check)',
  ],
  [
    'a promise as a condition',
    'cli/g3.ts',
    `const f = async (): Promise<boolean> => true\nexport const g = f() ? 1 : 2`,
    'typescript(no-misused-promises)',
  ],
  // Size and habits.
  ['any', 'node/io/h1.ts', `export const f = (x: any): unknown => x`, 'typescript(no-explicit-any)'],
  ['something unused', 'node/io/h2.ts', `const unused = 1`, 'eslint(no-unused-vars)'],
  ['a log line from io', 'relay/io/h3.ts', `console.error('x')`, 'eslint(no-console)'],
  ['a long file', 'node/io/h4.ts', `${'//\n'.repeat(320)}export const f = 1`, 'eslint(max-lines)'],
  [
    'a long function',
    'node/io/h5.ts',
    `export function f(): void {\n${'  f()\n'.repeat(70)}}`,
    'eslint(max-lines-per-function)',
  ],
  [
    'many arguments',
    'node/io/h6.ts',
    `export const f = (a: 1, b: 1, c: 1, d: 1, e: 1, g: 1): unknown => [a, b, c, d, e, g]`,
    'eslint(max-params)',
  ],
  [
    'an excuse nobody needs',
    'node/io/h7.ts',
    `// oxlint-disable-next-line no-console\nexport const f = 1`,
    'Unused oxlint-disable directive',
  ],
]

interface Found {
  readonly filename: string
  readonly code?: string
  readonly message: string
}

let folder: string
let found: readonly Found[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'linnet-lint-'))
  for (const name of ['.oxlintrc.json', 'tsconfig.json']) cpSync(join(root, name), join(folder, name))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const [file, source] of Object.entries(innocent)) plant(file, source)
  for (const [, file, source] of planted) plant(file, (innocent[file] ?? '') + source + '\n')
  found = await lint(folder)
})

afterAll(() => rmSync(folder, { recursive: true }))

function plant(file: string, source: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), source)
}

function lint(cwd: string): Promise<readonly Found[]> {
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint')
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [oxlint, '-f', 'json'], { cwd, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error?.code !== 1) reject(new Error(`oxlint ended with ${error?.code ?? 0}: ${stderr}`))
      else resolve((JSON.parse(stdout) as { diagnostics: Found[] }).diagnostics)
    })
  })
}

test.each(planted)('finds %s', (_what, file, _source, rule) => {
  const here = found.filter((one) => one.filename === file).map((one) => one.code ?? one.message)
  expect(
    here.some((code) => code.includes(rule)),
    `${file}: ${here.join(', ') || 'nothing'}`,
  ).toBe(true)
})

test('leaves alone what breaks nothing', () => {
  const guilty = new Set(planted.map(([, file]) => file))
  const accused = found.filter((one) => !guilty.has(one.filename))
  expect(accused.map((one) => `${one.filename}: ${one.code ?? one.message}`)).toEqual([])
})
