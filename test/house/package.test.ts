/** The package as strangers meet it: packed and installed elsewhere, and run by a Node that is too old. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

let folder: string
let installed: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'linnet-package-'))
  installed = join(folder, 'node_modules/linnet')
  mkdirSync(installed, { recursive: true })
  const packed = await run('npm', ['pack', '--pack-destination', folder], root)
  expect(packed.code, packed.stderr).toBe(0)
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  await run('tar', ['-xzf', join(folder, tarball), '--strip-components=1', '-C', installed], folder)
  symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules')) // What npm would have put beside it.
})

afterAll(() => rmSync(folder, { recursive: true }))

test.each(['protocol', 'node', 'relay'])('linnet/%s can be imported where it was installed', async (part) => {
  const script = join(folder, `${part}.mjs`)
  writeFileSync(script, `console.log(Object.keys(await import('linnet/${part}')).length)`)
  const { stdout, stderr } = await run(process.execPath, [script], folder)
  expect(Number(stdout), stderr).toBeGreaterThan(0)
})

test('its types are found by a program that imports it', async () => {
  writeFileSync(join(folder, 'use.ts'), `import { createNode } from 'linnet/node'\nexport const make = createNode\n`)
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'esnext']
  const { code, stdout } = await run(join(root, 'node_modules/.bin/tsc'), [...options, 'use.ts'], folder)
  expect(stdout).toBe('')
  expect(code).toBe(0)
})

test('its command answers', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const { stdout, stderr } = await run(process.execPath, [join(installed, 'cli/linnet.js'), '--version'], folder)
  expect(stdout.trim(), stderr).toBe(version)
})

test('it carries no tests and no sources', () => {
  expect(readdirSync(installed).toSorted()).toEqual(
    ['CHANGELOG.md', 'LICENSE', 'README.md', 'cli', 'dist', 'node_modules', 'package.json'].toSorted(),
  )
  expect(readdirSync(join(installed, 'cli'))).toEqual(['linnet.js'])
})

test.each([
  ['a checkout', () => join(root, 'cli/linnet.js'), '22.17.1', 'Node 22.18 or newer'],
  ['a checkout', () => join(root, 'cli/linnet.js'), '23.5.0', 'Node 22.18 or newer'],
  ['a package', () => join(installed, 'cli/linnet.js'), '20.20.2', 'Node 22.18 or newer'],
])('%s says in one line that Node is too old', async (_where, launcher, version, words) => {
  const disguise = join(folder, 'disguise.cjs')
  writeFileSync(disguise, `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`)
  const { code, stdout, stderr } = await run(process.execPath, ['--require', disguise, launcher(), 'demo'], folder)
  expect(code).toBe(1)
  expect(stdout).toBe('')
  expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(words)])
})

function run(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr })
    })
  })
}
