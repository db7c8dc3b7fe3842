/**
 * The field of 65,536 elements that the erasure code computes in: polynomials over GF(2) modulo x^16 + x^12 + x^3 + x
 * + 1. Addition is XOR. What is multiplied here travels in clear, so tables give nothing away.
 */

const fieldModulus = 0x1100b
const fieldOrder = 65_535

/** exp is doubled, so that a sum of two logarithms needs no reduction. */
const exp = new Uint16Array(2 * fieldOrder)
const log = new Uint16Array(fieldOrder + 1)

// x generates the multiplicative group, so its powers meet every element but zero.
for (let power = 0, value = 1; power < fieldOrder; power++) {
  exp[power] = value
  exp[power + fieldOrder] = value
  log[value] = power
  value <<= 1
  if (value > fieldOrder) value ^= fieldModulus
}

export function multiply(left: number, right: number): number {
  if (left === 0 || right === 0) return 0
  return exp[(log[left] as number) + (log[right] as number)] as number
}

/** Adds `factor` times each big-endian element of `from`, from byte `offset` on, to `sums`. `factor` is not zero. */
export function addScaled(sums: Uint16Array, from: Uint8Array, offset: number, factor: number): void {
  const logFactor = log[factor] as number
  for (let i = 0, at = offset; i < sums.length; i++, at += 2) {
    const value = ((from[at] as number) << 8) | (from[at + 1] as number)
    if (value !== 0) sums[i] = (sums[i] as number) ^ (exp[logFactor + (log[value] as number)] as number)
  }
}

/**
 * Lagrange's weights: for distinct `nodes`, the value at `x` of any polynomial of a degree below their number is the
 * sum of weight × value at each node. `x` is none of the nodes, so no weight is zero.
 */
export function lagrangeWeights(nodes: readonly number[], x: number): number[] {
  let above = 0
  for (const node of nodes) above += log[x ^ node] as number
  return nodes.map((node) => {
    let below = log[x ^ node] as number
    for (const other of nodes) if (other !== node) below += log[node ^ other] as number
    return exp[((above - below) % fieldOrder) + (above < below ? fieldOrder : 0)] as number
  })
}
