/**
 * What the linter cannot say about this tree. Each rule is a function from a folder to complaints, so that the last tests
 * can hand it a folder with the fault planted and see it found.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const rooms = ['protocol', 'node', 'relay', 'cli', 'test', 'bench', 'docs', '.ci']
const ownPath = 'test/tidy.test.ts'
const linesMax = 320

interface File {
  /** From the root of the tree, with slashes. */
  readonly path: string
  readonly text: string
}

function treeOf(folder: string): readonly File[] {
  const inRooms = rooms
    .filter((room) => existsSync(join(folder, room)))
    .flatMap((room) =>
      readdirSync(join(folder, room), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
        .filter((path) => !path.includes('/node_modules/')),
    )
  const atTop = readdirSync(folder).filter((name) => /\.(md|ts|json)$/.test(name))
  return [...atTop, ...inRooms].toSorted().map((path) => {
    // This file speaks of everything it forbids.
    return { path, text: path === ownPath ? '' : readFileSync(join(folder, path), 'utf8') }
  })
}

const isCode = (file: File): boolean => /\.(ts|js)$/.test(file.path)
const isProse = (file: File): boolean => file.path.endsWith('.md')
const importsOf = (file: File): string[] =>
  [...file.text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1] ?? '')

type Rule = (tree: readonly File[]) => string[]

const shortFiles: Rule = (tree) =>
  tree
    .filter((file) => isCode(file) && file.text.trimEnd().split('\n').length > linesMax)
    .map((file) => `${file.path} is longer than ${linesMax} lines`)

/** An `index.ts` is a folder's face to others: its own files know each other by name. */
const indexIsForOthers: Rule = (tree) =>
  tree.flatMap((file) =>
    importsOf(file)
      .filter((to) => isCode(file) && to === './index.ts')
      .map(() => `${file.path} imports the index of its own folder`),
  )

/** Types can promise later as well as `async` can; a rule answers at once. */
const coresAnswerAtOnce: Rule = (tree) =>
  tree
    .filter((file) => /^(node|relay)\/core\//.test(file.path) && /\b(async|await|Promise)\b/.test(codeOf(file)))
    .map((file) => `${file.path} waits for something`)

/** A limit nobody reads protects nobody. */
const limitsAreUsed: Rule = (tree) =>
  tree
    .filter((file) => file.path.endsWith('/limits.ts'))
    .flatMap((limits) => {
      const others = tree.filter((file) => isCode(file) && !file.path.startsWith('test/') && file !== limits)
      return exportsOf(limits)
        .filter((name) => !mentioned(name, others) && usesIn(name, limits) < 2)
        .map((name) => `${limits.path}: ${name} is never used`)
    })

const pathsExist: Rule = (tree) =>
  tree.filter(isProse).flatMap((file) =>
    [...file.text.matchAll(/`((?:protocol|node|relay|cli|test|bench|docs|\.ci)\/[\w./-]*)`|\]\((?!\w+:|#)([^)#\s]+)/g)]
      .map((match) => match[1] ?? join(dirname(file.path), match[2] ?? ''))
      .filter((path) => !tree.some((other) => other.path === path || other.path.startsWith(path.replace(/\/?$/, '/'))))
      .filter((path) => !['LICENSE'].includes(path))
      .map((path) => `${file.path} speaks of ${path}, which is not there`),
  )

/** Work that is left stands in a tracker, not in a comment; and nothing depends on the machine it was written on. */
const unwanted: readonly (readonly [word: RegExp, why: string])[] = [
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'leaves work in a comment'],
  [/\b(?:test|it|describe)\.only\b/, 'runs one test and forgets the others'],
  [/(^|[\s'"`(])\/(work|root|home|Users)\/\w/m, 'names a path of one machine'],
  [/"resolved": "http/, 'names the registry of one machine'],
]

const plainWords: Rule = (tree) =>
  tree.flatMap((file) => unwanted.filter(([word]) => word.test(file.text)).map(([, why]) => `${file.path} ${why}`))

function codeOf(file: File): string {
  return file.text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, '')
}

function exportsOf(file: File): string[] {
  return [...file.text.matchAll(/^export const (\w+)/gm)].map((match) => match[1] ?? '')
}

function usesIn(name: string, file: File): number {
  return codeOf(file).match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0
}

function mentioned(name: string, files: readonly File[]): boolean {
  return files.some((file) => usesIn(name, file) > 0)
}

/** A rule may be wrong for one line; whoever reads that line wants to know why. */
const exceptionsSayWhy: Rule = (tree) =>
  tree
    .filter((file) => isCode(file) && !/^(test|bench)\//.test(file.path))
    .filter((file) => /(?:ox|es)lint-disable(?!.* -- \w)|@ts-(?:ignore|nocheck)/.test(file.text))
    .map((file) => `${file.path} switches a rule off and does not say why`)

/** npm drops this on some changes, and a machine without a compiler can then not install: `node .ci/lock.js` restores it. */
const nothingIsCompiled: Rule = (tree) =>
  tree
    .filter((file) => file.path === 'package-lock.json' && !file.text.includes('"gypfile": false'))
    .map((file) => `${file.path} lets npm 10 compile the database: run node .ci/lock.js`)

const rules: ReadonlyArray<readonly [name: string, rule: Rule, planted: Record<string, string>]> = [
  ['files are short', shortFiles, { 'node/io/long.ts': '//\n'.repeat(linesMax + 1) }],
  ['an index is for others', indexIsForOthers, { 'node/io/a.ts': `import { b } from './index.ts'\n` }],
  ['cores answer at once', coresAnswerAtOnce, { 'relay/core/a.ts': `export type Later = Promise<void>\n` }],
  ['every limit is used', limitsAreUsed, { 'protocol/limits.ts': `export const unreadMax = 1\n` }],
  ['paths in prose exist', pathsExist, { 'README.md': 'See `node/core/gone.ts`.\n' }],
  ['links in prose lead somewhere', pathsExist, { 'docs/a.md': 'See [it](../protocol/gone.md).\n' }],
  ['nothing is left in a comment', plainWords, { 'cli/a.ts': '// TODO: later\n' }],
  ['no path of one machine', plainWords, { 'cli/a.ts': `const home = '/home/someone'\n` }],
  ['no registry of one machine', plainWords, { 'package-lock.json': '"resolved": "https://registry.example/a.tgz"' }],
  ['exceptions say why', exceptionsSayWhy, { 'node/a.ts': '// oxlint-disable-next-line no-console\n' }],
  ['nothing is compiled', nothingIsCompiled, { 'package-lock.json': '{}' }],
  ['no test shuts out the others', plainWords, { 'test/a.test.ts': `test.only('x', () => undefined)\n` }],
]

test('the tree is seen at all', () => {
  expect(treeOf(root).filter(isCode).length).toBeGreaterThan(20)
})

test.each(rules)('%s', (_name, rule) => {
  expect(rule(treeOf(root))).toEqual([])
})

test.each(rules)('would be seen otherwise: %s', (_name, rule, planted) => {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-tidy-'))
  for (const [path, text] of Object.entries(planted)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const complaints = rule(treeOf(folder))
  rmSync(folder, { recursive: true })
  expect(complaints).toHaveLength(1)
})
