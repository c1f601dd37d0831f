import { defineTable } from './define-table.js';

defineTable('connect, HTTP/2');
