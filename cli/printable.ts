/**
 * Makes text that others wrote safe to put on a terminal: a name or a message must not move the cursor, recolour the
 * screen, retitle the window, or pass for a line that someone else said. JSON output does not come by here: there every
 * control character is escaped by the encoding itself.
 */

/** C0 and C1 controls and DEL; marks that turn the direction of text around; separators that break a line. */
const unprintable = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\u061c\ufeff]/gu

/** On one line: for names, addresses, reasons. */
export function printable(text: string): string {
  return text.replace(/[\t\r\n]+/gu, ' ').replace(unprintable, '')
}

/** For what people say: its own lines are kept, each after the first indented, so that none can pose as a new message. */
export function printableText(text: string, indent = '    '): string {
  return text
    .replace(/\r\n?/gu, '\n')
    .split('\n')
    .map((line) => line.replace(/\t/gu, '    ').replace(unprintable, ''))
    .join(`\n${indent}`)
}
