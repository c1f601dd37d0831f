import { defineTable } from './define-table.js';

defineTable('koa 3, HTTP/2');
