// Four groups of four digits with dashes between them.
const LENGTH: i32 = 19;
const GROUP: i32 = 5;
const KEPT: i32 = 4;

// The last byte is a digit with no card number to begin or go on there.
const IN_OTHER_DIGITS: i32 = -1;

const DASH: u8 = 0x2d;
const ZERO: u8 = 0x30;
const NINE: u8 = 0x39;
const MASK: u8 = 0x58; // X

/**
 * Finds card numbers in a stream of bytes that comes in pieces.
 *
 * A card number has no digit right before or after it. As all its digits and all its dashes look
 * the same, a byte that does not go on with one cannot be inside another that began earlier, so the
 * state is one number: how many of the last bytes may begin a card number.
 */
export class CardNumbers {
  state: i32 = 0;

  /** How many of the last bytes must be kept back until more is known; at most 19. */
  get openLength(): i32 {
    return max(this.state, 0);
  }

  /**
   * Masks all card numbers that are known to end before the last byte.
   *
   * @param bytes begins with the open bytes of the last call
   * @param from where the bytes begin that are new
   * @returns whether any byte was changed
   */
  mask(bytes: Uint8Array, from: i32): bool {
    let state = this.state;
    let changed = false;
    for (let i = from, n = bytes.length; i < n; i++) {
      const byte = unchecked(bytes[i]);
      if (state == LENGTH && !isDigit(byte)) {
        maskBefore(bytes, i);
        changed = true;
      }
      state = next(state, byte);
    }
    this.state = state;
    return changed;
  }

  /** Masks a card number that the stream ends with; `bytes` are the last bytes of the stream. */
  maskLast(bytes: Uint8Array): bool {
    if (this.state != LENGTH) return false;
    maskBefore(bytes, bytes.length);
    this.state = 0;
    return true;
  }
}

function next(state: i32, byte: u8): i32 {
  if (isDigit(byte)) {
    if (state == IN_OTHER_DIGITS || wantsDash(state)) return IN_OTHER_DIGITS;
    return state + 1;
  }
  return byte == DASH && state != LENGTH && wantsDash(state) ? state + 1 : 0;
}

/** Whether a group of four digits is complete: after the last one, a dash ends the number. */
function wantsDash(state: i32): bool {
  return state % GROUP == GROUP - 1;
}

function isDigit(byte: u8): bool {
  return byte >= ZERO && byte <= NINE;
}

function maskBefore(bytes: Uint8Array, end: i32): void {
  for (let i = end - LENGTH; i < end - KEPT; i++) {
    if (bytes[i] != DASH) bytes[i] = MASK;
  }
}
