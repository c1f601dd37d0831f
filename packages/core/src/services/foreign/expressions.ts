/**
 * `expr_create`, `expr_evaluate` and `expr_delete`: CEL over the attributes that properties show.
 * As in Envoy, expressions have no comprehensions (`all`, `exists`, `map` …), so that the work of
 * one is bounded by its length.
 */
import { Status } from '../../abi/types.js';
import { messageOf } from '../../errors.js';
import { ForeignFailure, type BuiltInFunction, type ForeignCaller } from './caller.js';
import { attributeBindings } from './cel-attributes.js';
import { loadCel, type Cel } from './cel-library.js';
import { encodeCelValue } from './cel-values.js';

const MAX_EXPRESSION_BYTES = 16 * 1024;
const MAX_EXPRESSIONS = 4096;

type Program = (bindings: Record<string, never>) => unknown;

/** The expressions of one VM, by token. */
interface Expressions {
  readonly programs: Map<number, Program>;
  lastToken: number;
}

const byVm = new WeakMap<object, Expressions>();

function expressionsOf({ vm }: ForeignCaller): Expressions {
  const expressions = byVm.get(vm) ?? { programs: new Map<number, Program>(), lastToken: 0 };
  byVm.set(vm, expressions);
  return expressions;
}

/** CEL text to a token: u32, little-endian. */
export const createExpression: BuiltInFunction = (argument, caller) => {
  const expressions = expressionsOf(caller);
  if (expressions.programs.size >= MAX_EXPRESSIONS) {
    throw new ForeignFailure(Status.INTERNAL_FAILURE, 'there are as many expressions as may be');
  }
  if (argument.length > MAX_EXPRESSION_BYTES) throw badArgument('the expression is too long');
  const program = compile(loadCel(), Buffer.from(argument).toString('utf8'));
  expressions.lastToken += 1;
  expressions.programs.set(expressions.lastToken, program);
  const token = Buffer.alloc(4);
  token.writeUInt32LE(expressions.lastToken);
  return token;
};

/** A token to the value of its expression now, as a property's bytes. */
export const evaluateExpression: BuiltInFunction = (argument, caller) => {
  const program = expressionsOf(caller).programs.get(tokenIn(argument));
  if (program === undefined) throw new ForeignFailure(Status.NOT_FOUND, 'no such expression');
  const cel = loadCel();
  const value = program(attributeBindings(caller) as Record<string, never>);
  if (cel.isCelError(value)) throw new ForeignFailure(Status.INTERNAL_FAILURE, messageOf(value));
  const bytes = encodeCelValue(cel, value);
  if (bytes !== undefined) return bytes;
  throw new ForeignFailure(Status.SERIALIZATION_FAILURE, 'its value has no byte form');
};

/** Forgets a token. One that is not known is no error, as in Envoy. */
export const deleteExpression: BuiltInFunction = (argument, caller) => {
  expressionsOf(caller).programs.delete(tokenIn(argument));
  return undefined;
};

function tokenIn(argument: Uint8Array): number {
  if (argument.length !== 4) throw badArgument('the argument is not a token of four bytes');
  return Buffer.from(argument).readUInt32LE();
}

function compile(cel: Cel, text: string): Program {
  let parsed;
  try {
    parsed = cel.parse(text);
  } catch (error) {
    throw badArgument(messageOf(error));
  }
  if (hasComprehension(parsed)) throw badArgument('comprehensions are not available');
  return cel.plan(cel.celEnv(), parsed);
}

/** Looks through the syntax tree, whatever its nodes are called. */
function hasComprehension(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if ((node as { case?: unknown }).case === 'comprehensionExpr') return true;
  return Object.values(node).some(hasComprehension);
}

function badArgument(message: string): ForeignFailure {
  return new ForeignFailure(Status.BAD_ARGUMENT, message);
}
