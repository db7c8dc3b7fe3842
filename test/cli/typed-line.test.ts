/** What comes while something is being typed, on a terminal narrower than what is typed. */
import { PassThrough } from 'node:stream'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { clearTyped } from '../../cli/chat/typed-line.ts'

/** The rows a terminal shows after these bytes; it knows the sequences that readline writes. */
function shown(bytes: string, columns: number): readonly string[] {
  const rows: string[][] = [[]]
  let [row, column] = [0, 0]
  const put = (char: string): void => {
    if (column === columns) [row, column] = [row + 1, 0]
    while (rows.length <= row) rows.push([])
    rows[row]![column++] = char
  }
  for (const [all, count, letter] of bytes.matchAll(/\u001b\[(\d*)([A-Z])|[\s\S]/gu)) {
    if (all === '\n') row++
    else if (all === '\r') column = 0
    else if (letter === undefined) put(all)
    else if (letter === 'A') row = Math.max(0, row - Number(count))
    else if (letter === 'G') column = Number(count) - 1
    else if (letter === 'J') {
      rows.splice(row + 1)
      rows[row]?.splice(column)
    } else throw new Error(`this terminal does not know ${JSON.stringify(all)}`)
  }
  return rows.map((cells) => Array.from(cells, (cell) => cell ?? ' ').join(''))
}

test.each([
  ['one row', 'short'],
  ['two rows', 'a line that goes on below'],
  ['many rows', 'a line that is longer than the terminal is wide, by far, and goes on and on'],
])('what arrives while %s are being typed stays, and what was typed stands below it once', async (_what, typed) => {
  const columns = 20
  const input = new PassThrough()
  const output = Object.assign(new PassThrough(), { columns })
  const io = createInterface({ input, output, terminal: true })
  io.setPrompt('Alice> ')
  io.prompt(true)
  for (const char of typed) io.write(char)
  for (const arrived of ['10:00 Alice: first', '10:01 Alice: second']) {
    clearTyped(io, output)
    output.write(`${arrived}\r\n`)
    io.prompt(true)
  }
  const rows = shown(String(output.read()), columns)
  io.close()
  expect(rows.slice(0, 2)).toEqual(['10:00 Alice: first', '10:01 Alice: second'])
  expect(rows.slice(2).join('')).toBe(`Alice> ${typed}`)
})
