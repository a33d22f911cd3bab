import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import type { FastifyInstance } from 'fastify'
import type { Logger } from '../lib/logger.ts'

/** A Fastify app over TLS with a logger of ours. */
export type HttpApp = FastifyInstance<Server, IncomingMessage, ServerResponse, Logger>
