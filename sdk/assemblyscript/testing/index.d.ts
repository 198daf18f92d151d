export interface Options {
  /** The entry under `credentials`; default {}. */
  credentials?: unknown;
  sandbox?: boolean;
  /** What the clock shows; default the real time. */
  now?: Date;
  /** As in the config; default every host. */
  allowedHosts?: string[];
  /** Answers the guest's HTTP requests. A PluginError stands for a request that failed. */
  http?: (request: Request) => Response | PluginError;
}

export interface Request {
  method: string;
  url: string;
  /** By lower-case name. */
  headers: Record<string, string>;
  body: string;
}

export interface Response {
  /** Default 200. */
  status?: number;
  headers?: Record<string, string>;
  /** Text or bytes as they are; anything else is sent as JSON. */
  body?: unknown;
}

export interface Log {
  level: string;
  message: string;
  [attribute: string]: unknown;
}

export interface CallOptions {
  idempotencyKey?: string;
  requestId?: string;
  timeoutMs?: number;
}

export interface Webhook {
  /** Default POST. */
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  url?: string;
  secrets: string[];
  toleranceMs?: number;
}

export interface Plugin {
  readonly logs: Log[];
  readonly requests: Request[];
  readonly memoryBytes: number;
  manifest(): any;
  call(action: string, params?: unknown, options?: CallOptions): any;
  execute(action: string, params: string, options?: CallOptions): { body: Buffer; contentType?: string };
  configure(): void;
  verifyWebhook(webhook: Webhook): {
    id: string;
    type: string;
    payload?: any;
    idUnsigned?: true;
    reply?: { contentType: string; body: string };
  };
  listEvents(request: { since: string; until?: string; types?: string[]; cursor?: string; limit: number }): any;
  syncEndpoint(request: { webhook: string; url: string; types?: string[]; apply?: boolean; idempotencyKey?: string }): any;
}

export function load(module: string | Uint8Array, options?: Options): Promise<Plugin>;

export class PluginError extends Error {
  constructor(told: { code: string; message: string; [field: string]: unknown });
  code: string;
  outcome: string;
  retryable: boolean;
  retryAfter?: number;
  final?: boolean;
  errors?: { pointer: string; message: string }[];
  details?: Record<string, unknown>;
}

export class WebhookRefusal extends Error {
  genuine: boolean;
  constructor(reason: string, genuine?: boolean);
}
