/** Where something stands in the text of a configuration. */
export interface ConfigPosition {
  /** The option `file`; undefined where it was not given. */
  readonly file?: string | undefined;
  /** As one would write it: `static_resources.listeners[0].address`; '' is the whole. */
  readonly path: string;
  /** From 1 on. */
  readonly line: number;
  /** From 1 on. */
  readonly column: number;
}

/** A part of a configuration. */
export interface Positioned {
  /** Where it begins. */
  readonly at: ConfigPosition;
}

/** Something that was read, but does not do here what it does in Envoy, and harms nobody. */
export interface ConfigNote extends Positioned {
  /** One line, without the position. */
  readonly message: string;
}
