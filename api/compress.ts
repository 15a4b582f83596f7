import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

const compressBrotli = promisify(brotliCompress)
const compressGzip = promisify(gzip)

/** Below this a packet or two carry the answer anyway. */
const leastBytes = 16 * 1024

// What is written for one reader is compressed in milliseconds rather than well.
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }
const gzipOptions = { level: 4 }

/** A large text as its reader takes it: brotli, gzip or as it is; compressed off the thread that answers. */
export async function compressFor(
  request: FastifyRequest,
  reply: FastifyReply,
  text: string,
): Promise<string | Buffer> {
  reply.header('vary', 'accept-encoding')
  const accepted = request.headers['accept-encoding'] ?? ''
  const encoding = ['br', 'gzip'].find((each) => new RegExp(`\\b${each}\\b(?!\\s*;\\s*q=0(?![.\\d]))`).test(accepted))
  if (encoding === undefined || text.length < leastBytes) return text
  reply.header('content-encoding', encoding)
  return encoding === 'br' ? compressBrotli(text, brotliOptions) : compressGzip(text, gzipOptions)
}
