/** What a guest reads as its configuration: `google.protobuf.Any` as Envoy turns it into bytes. */
import { refuseInvalid, refuseUnsupported } from '../refusals.js';
import { reader, required, withDefault } from '../schema/field.js';
import { message } from '../schema/message.js';
import type { ReadContext } from '../schema/read-context.js';
import { bytes, text } from '../schema/scalars.js';
import { struct } from '../schema/struct.js';
import { isTypedStruct, typeOf, unwrap } from '../schema/typed-config.js';
import type { ConfigNode } from '../text/config-node.js';

export const stringValue = message('google.protobuf.StringValue', {
  fields: { value: withDefault(text, '') },
});

export const bytesValue = message('google.protobuf.BytesValue', {
  fields: { value: withDefault(bytes, new Uint8Array(0)) },
});

export const structValue = message('google.protobuf.Struct', {
  fields: { value: required(struct, 'sent as JSON, without spaces') },
});

const TYPES = [stringValue, bytesValue, structValue].map(({ name }) => name);

const EXAMPLE = '{"@type": type.googleapis.com/google.protobuf.StringValue, value: …}';

/** Text or bytes, as they go to the guest. */
export const pluginConfiguration = reader<string | Uint8Array>(
  TYPES.join(', '),
  (node, context) => {
    const scalar = node.scalar();
    if (typeof scalar === 'string') {
      context.note(
        node.at,
        `plain text is the form of Envoy before 1.17; newer ones want ${EXAMPLE}`,
      );
      return scalar;
    }
    if (!node.isMap) refuseInvalid(node.at, `must be ${EXAMPLE}, but is ${node.describe()}`);
    if (node.entries().length === 0) return '';
    const typed = typeOf(node);
    if (typed === undefined) {
      refuseInvalid(node.at, `must have "@type", one of ${TYPES.join(', ')}; as text: ${EXAMPLE}`);
    }
    if (typed.type === stringValue.name) return stringValue.read(node, context).value;
    if (typed.type === bytesValue.name) return bytesValue.read(node, context).value;
    if (typed.type === structValue.name) {
      const { value } = structValue.read(node, context);
      noteNumbers(node, context);
      return JSON.stringify(value);
    }
    if (isTypedStruct(typed.type)) return JSON.stringify(struct(unwrap(node).value, context));
    refuseUnsupported(
      typed.typeNode.at,
      `${typed.type} is not supported; supported here: ${TYPES.join(', ')}`,
    );
  },
);

/** YAML's numbers beyond 32-bit integers are text to Envoy, which a filter may not expect. */
function noteNumbers(node: ConfigNode, context: ReadContext): void {
  if (node.isJson) return;
  for (const { value } of node.entries()) noteNumbersIn(value, context);
}

function noteNumbersIn(node: ConfigNode, context: ReadContext): void {
  const children = node.isMap
    ? node.entries().map(({ value }) => value)
    : node.isList
      ? node.items()
      : [];
  for (const child of children) noteNumbersIn(child, context);
  if (!node.isUnquotedNumber) return;
  context.note(
    node.at,
    `goes to the filter as text ("${String(node.scalar())}"), as Envoy has it: in YAML only 32-bit integers are numbers`,
  );
}
