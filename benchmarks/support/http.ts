import * as http from 'node:http'

/** Asks an API with a token, over connections that are kept; answers how many bytes came. Throws unless it is 200. */
export function createAsker(baseUrl: string, token: string) {
  const agent = new http.Agent({ keepAlive: true })
  return (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const options = { agent, headers: { authorization: `Bearer ${token}` } }
      const request = http.get(`${baseUrl}/api/v1${path}`, options, (response) => {
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
        })
        response.once('error', reject)
        response.once('end', () => {
          if (response.statusCode === 200) resolve(bytes)
          else reject(new Error(`${path} answered ${response.statusCode}`))
        })
      })
      request.once('error', reject)
    })
}
