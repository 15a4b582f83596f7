import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'
import type { Config } from '../config.ts'
import { refuseIssues } from '../domain/issue.ts'
import { Problem, type ProblemCode, problemDocument } from '../domain/problem.ts'
import { chooseLanguage, type Language } from './language.ts'

// What Fastify refuses by itself, told as a problem of ours; other refusals of its own are bad requests.
const codesOfFastify: ReadonlyMap<string, ProblemCode> = new Map([
  ['FST_ERR_CTP_BODY_TOO_LARGE', 'payload_too_large'],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'unsupported_media_type'],
])

// What Fastify says of a request that it cannot read, in French.
const frenchOfFastify: ReadonlyMap<string, string> = new Map([
  ['FST_ERR_CTP_EMPTY_JSON_BODY', 'le corps est vide, et devrait être du JSON'],
  ['FST_ERR_CTP_INVALID_JSON_BODY', 'le corps n’est pas du JSON valide'],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', 'le corps n’a pas la longueur annoncée'],
  ['FST_ERR_BAD_URL', 'l’adresse ne se lit pas'],
])

/** Checks params, query and bodies with their zod schemas. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> =
  ({ schema }) =>
  (data: unknown) => {
    const parsed = schema.safeParse(data, { reportInput: true })
    return parsed.success ? { value: parsed.data } : { error: refuseIssues(parsed.error.issues) }
  }

/** The language of the answer to a request. */
export function languageOf(request: FastifyRequest, config: Config): Language {
  return chooseLanguage(request.headers['accept-language'], config.PARVIS_LANG)
}

/**
 * Makes every refusal and every failure of an instance an RFC 9457 document. What is not a refusal is logged with the
 * request's id, and told as that id alone.
 */
export function installErrors(app: FastifyInstance, config: Config): void {
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, config))
  app.setNotFoundHandler((request, reply) => answerError(new Problem('not_found'), request, reply, config))
}

/** Answers a request with the problem document of an error. */
export function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  config: Config,
): FastifyReply {
  const language = languageOf(request, config)
  const problem = toProblem(error)
  if (problem.code === 'internal') request.log.error({ err: error, reqId: request.id }, 'request failed')
  if (problem.code === 'bad_credentials') reply.header('www-authenticate', 'Bearer')
  const document = {
    ...problemDocument(problem, language),
    ...(problem.code === 'internal' ? { instance: `urn:uuid:${request.id}` } : {}),
  }
  return reply
    .code(problem.status)
    .header('content-language', language)
    .header('vary', 'accept-language')
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(document)
}

/** The problem document of an HTTP message that could not be read at all, as raw bytes for its socket. */
export function rawProblem(code: string | undefined, config: Config): string {
  const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  const document = { ...problemDocument(new Problem('bad_request'), config.PARVIS_LANG), status }
  const body = JSON.stringify(document)
  const reason = { 400: 'Bad Request', 408: 'Request Timeout', 431: 'Request Header Fields Too Large' }[status]
  return [
    `HTTP/1.1 ${status} ${reason}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const { code, statusCode, message } = error as FastifyError
  const known = codesOfFastify.get(code)
  if (known !== undefined) return new Problem(known)
  // Fastify's own refusals speak of the request only, so their text may be told; those of other libraries may not.
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return new Problem('internal')
  if (statusCode === 404) return new Problem('not_found')
  if (code?.startsWith('FST_') !== true) return new Problem('bad_request')
  return new Problem('bad_request', { fr: frenchOfFastify.get(code) ?? 'la demande ne se lit pas', en: message })
}
