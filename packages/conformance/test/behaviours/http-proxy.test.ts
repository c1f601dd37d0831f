import { defineTable } from './define-table.js';

defineTable('http-proxy');
