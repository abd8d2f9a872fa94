/** A request as it came, before anything in it is believed. */
export interface HookRequest {
  readonly method: string;
  readonly query: URLSearchParams;
  /** The bytes of the body: what is signed are these, not what they mean. */
  readonly body: Buffer;
  /** @param name in any case */
  header(name: string): string | undefined;
}

/** What a sender asks to hear before it sends events. */
export interface Reply {
  readonly type: 'text/plain' | 'application/json';
  readonly text: string;
}

/** How far a signed time may be from now. */
export interface Window {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds. */
  readonly tolerance: number;
}

/** Knows how a sender proves who it is. It belongs to one endpoint, and keeps nothing of a request. */
export interface Sender {
  /** The methods of the challenges, beside POST. */
  readonly methods: readonly string[];
  /**
   * The answer to a challenge that comes before anything is signed; undefined for what is none.
   * @throws Refused for one that shows a wrong token
   */
  challenge?(request: HookRequest): Reply | undefined;
  /**
   * Checks that the sender sent this body, and when.
   * @throws Refused
   */
  check(request: HookRequest, window: Window): void;
  /**
   * Checks what an event itself has to show.
   * @throws Refused
   */
  checkEvent?(event: unknown): void;
  /** The answer to a challenge that is an event; undefined for what is none. */
  answer?(event: unknown): Reply | undefined;
}
