/**
 * Runs after npm has changed what is installed (script `dependencies`), and puts back into the lock what npm drops from it:
 * that the one native package needs no building. Its package.json says so (`gypfile: false`, it carries its binaries), but
 * npm 10 and early 11 look only at the lock, and would ask whoever runs `npm ci` for Python and a compiler.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const lock = new URL('../package-lock.json', import.meta.url)
const text = readFileSync(lock, 'utf8')
const content = JSON.parse(text)
const native = content.packages['node_modules/better-sqlite3-multiple-ciphers']

if (native !== undefined && native.gypfile !== false) {
  native.gypfile = false
  writeFileSync(lock, JSON.stringify(content, null, 2) + '\n')
}
