#!/bin/sh
# Makes the bookshop: two schemas, 14 tables, about 290,000 rows times DMSTUI_SCALE. Drops what stood there before.
# Every value comes from the row's number and DMSTUI_SEED, so the same two numbers give the same rows anywhere.
# Reads DMSTUI_SOURCE_URL, DMSTUI_SCALE, DMSTUI_SEED; prints one JSON line a table.
set -u
: "${DMSTUI_SOURCE_URL:?is the libpq URL of the source database}"
psql "$DMSTUI_SOURCE_URL" -X -q -A -t -v ON_ERROR_STOP=1 \
  -v scale="${DMSTUI_SCALE:-1}" -v seed="${DMSTUI_SEED:-42}" <<'SQL'
set client_min_messages = warning;
set timezone = 'UTC';
set synchronous_commit = on;
begin;
drop schema if exists shop cascade;
drop schema if exists web cascade;
create schema shop;
create schema web;

-- pick(row, column, n): a number from 0 to n-1 that looks random and is not.
select format('create function pg_temp.pick(bigint, int, int) returns int language sql immutable as %L',
  'select (((($1 * 2654435761 + ($2 + ' || :seed || ') * 40503::bigint) & 4294967295) >> 9) % $3)::int') \gexec
-- words(n, count): that many words, for texts of a wanted length.
create function pg_temp.words(bigint, int) returns text language sql immutable as $$
  select string_agg((array['harbour','lantern','paper','river','quiet','ladder','amber','winter','letter','garden',
    'copper','meadow','signal','orchard','velvet','compass'])[1 + pg_temp.pick($1 * 31 + w, 90, 16)], ' ' order by w)
  from generate_series(1, $2) w $$;

create type shop.order_status as enum ('placed', 'paid', 'shipped', 'delivered', 'returned');

create table shop.currencies (
  code char(3) primary key,
  name varchar(60) not null,
  minor_units smallint not null,
  rate_to_eur numeric not null,
  quoted_at timestamptz not null
);
insert into shop.currencies
select code, name, units, rate, timestamptz '2026-10-30 16:00:00+00'
from (values ('EUR', 'euro', 2, 1), ('USD', 'US dollar', 2, 0.921659), ('GBP', 'pound sterling', 2, 1.18437),
  ('JPY', '円', 0, 0.00612), ('CNY', '人民币', 2, 0.1275), ('KRW', '원', 0, 0.000668), ('INR', 'भारतीय रुपया', 2, 0.01097),
  ('RUB', 'российский рубль', 2, 0.00945), ('EGP', 'جنيه مصري', 2, 0.0187), ('KWD', 'دينار كويتي', 3, 3.0021),
  ('CHF', 'Schweizer Franken', 2, 1.0648), ('BRL', 'real brasileiro', 2, 0.1638)) v(code, name, units, rate);

create table shop.authors (
  author_id int primary key,
  name varchar(120) not null,
  born date,
  country_code char(2) not null,
  biography text,
  pen_names text[] not null
);
insert into shop.authors
select i,
  (array['Ada','Miguel','Σοφία','Дмитрий','李明','明子','민준','فاطمة','आरव','Zoë','Jürgen','Thúy'])[1 + pg_temp.pick(i, 1, 12)]
    || ' ' || (array['Okafor','García','Παπαδάκης','Соколов','王','佐藤','김','حداد','शर्मा','Müller','Nguyễn','O''Neill'])[1 + pg_temp.pick(i, 2, 12)],
  case when pg_temp.pick(i, 3, 9) > 0 then date '1900-01-01' + pg_temp.pick(i, 4, 36500) end,
  (array['NG','ES','GR','RU','CN','JP','KR','EG','IN','DE','VN','IE'])[1 + pg_temp.pick(i, 2, 12)],
  case pg_temp.pick(i, 5, 5) when 0 then null when 1 then '' else pg_temp.words(i, 12 + pg_temp.pick(i, 6, 40)) end,
  case pg_temp.pick(i, 7, 4) when 0 then array['N. N. ' || i, 'quoted "name", with comma'] when 1 then array['筆名' || i] else '{}' end
from generate_series(1, 1500 * :scale) i;

create table shop.books (
  book_id int primary key,
  isbn char(13) not null unique,
  title varchar(200) not null,
  author_id int not null references shop.authors,
  price numeric(10,2) not null,
  weight_kg real,
  rating double precision,
  published date not null,
  in_print boolean not null,
  tags text[],
  attributes jsonb not null,
  cover bytea,
  added_at timestamp not null
);
insert into shop.books
select i, '978' || lpad(i::text, 10, '0'),
  case pg_temp.pick(i, 1, 6) when 0 then '静かな川 第' || i || '巻' when 1 then 'Тихая река, том ' || i
    when 2 then 'Η ήσυχη όχθη ' || i else 'The ' || pg_temp.words(i, 3) || ' ' || i end,
  1 + pg_temp.pick(i, 2, 1500 * :scale),
  4.99 + pg_temp.pick(i, 3, 6000) / 100.0,
  case when pg_temp.pick(i, 4, 10) > 0 then (1 + pg_temp.pick(i, 5, 16)) / 8.0 end,
  case when pg_temp.pick(i, 6, 5) > 0 then 1 + pg_temp.pick(i, 7, 33) / 8.0 end,
  date '1950-01-01' + pg_temp.pick(i, 8, 27500),
  pg_temp.pick(i, 9, 4) > 0,
  case pg_temp.pick(i, 10, 5) when 0 then null when 1 then '{}'
    else array[pg_temp.words(i, 1), pg_temp.words(i + 1, 1), 'shelf ' || pg_temp.pick(i, 11, 40)] end,
  jsonb_build_object('pages', 80 + pg_temp.pick(i, 12, 900), 'binding', (array['hard','soft','e-book'])[1 + pg_temp.pick(i, 13, 3)],
    'languages', jsonb_build_array('en', (array['el','ru','ja','ar','hi'])[1 + pg_temp.pick(i, 14, 5)]), 'note', case when i % 7 = 0 then 'ünïcode ✓' end),
  case when pg_temp.pick(i, 15, 3) > 0 then decode(repeat(md5(i::text || :seed::text), 2 + pg_temp.pick(i, 16, 20)), 'hex') end,
  timestamp '2020-01-01 08:00:00' + make_interval(mins => pg_temp.pick(i, 17, 3000000))
from generate_series(1, 6000 * :scale) i;

-- The texts that make the LOB settings matter: from a few kB to 100,000 characters, some of three bytes each.
create table shop.book_samples (
  book_id int primary key references shop.books,
  language varchar(8) not null,
  sample text not null
);
insert into shop.book_samples
select i * 60, (array['en','ja','ru'])[1 + i % 3],
  left(repeat((array['The paper lantern moved with the river. ', '紙の灯籠は川とともに動いた。', 'Бумажный фонарь плыл по реке. '])[1 + i % 3] || i || ' ', 9000),
    case when i % 4 = 0 then 100000 else 2000 + pg_temp.pick(i, 1, 90000) end)
from generate_series(1, 100 * :scale) i;

create table shop.customers (
  customer_id uuid primary key,
  number bigint not null unique,
  given_name varchar(60) not null,
  family_name varchar(60),
  email varchar(120) not null,
  phone varchar(30),
  company text,
  password_hash char(32) not null,
  newsletter boolean,
  preferences jsonb,
  joined_at timestamptz not null
);
insert into shop.customers
select md5('customer' || i || 'of' || :seed)::uuid, i,
  (array['Ada','Miguel','Σοφία','Дмитрий','明','明子','민준','فاطمة','आरव','Zoë','Jürgen','Thúy'])[1 + pg_temp.pick(i, 1, 12)],
  case when pg_temp.pick(i, 2, 11) > 0 then (array['Okafor','García','Παπαδάκης','Соколов','王','佐藤','김','حداد','शर्मा','Müller','Nguyễn','O''Neill'])[1 + pg_temp.pick(i, 3, 12)] end,
  'reader' || i || '@' || (array['example.com','example.org','example.net'])[1 + pg_temp.pick(i, 4, 3)],
  case when pg_temp.pick(i, 5, 4) > 0 then '+' || (20 + pg_temp.pick(i, 6, 79)) || ' ' || lpad(pg_temp.pick(i, 7, 10000000)::text, 7, '0') end,
  case pg_temp.pick(i, 8, 4) when 0 then '' when 1 then pg_temp.words(i, 2) || ' & Co.' end,
  md5('secret' || i),
  case pg_temp.pick(i, 9, 3) when 0 then true when 1 then false end,
  case when pg_temp.pick(i, 10, 5) > 0 then jsonb_build_object('theme', (array['light','dark'])[1 + i % 2], 'genres', jsonb_build_array(pg_temp.words(i, 1), '小説')) end,
  timestamptz '2021-01-01 00:00:00+00' + make_interval(secs => pg_temp.pick(i, 11, 180000000))
from generate_series(1, 10000 * :scale) i;

create table shop.addresses (
  address_id bigint primary key,
  customer_id uuid not null references shop.customers,
  lines text[] not null,
  city varchar(80) not null,
  postcode varchar(16),
  country_code char(2) not null,
  latitude numeric(9,6) not null,
  longitude numeric(9,6) not null,
  valid_from date not null
);
insert into shop.addresses
select i, md5('customer' || 1 + (i - 1) % (10000 * :scale) || 'of' || :seed)::uuid,
  case when i % 5 = 0 then array['c/o ' || pg_temp.words(i, 2), i || ' ' || pg_temp.words(i + 1, 1) || ' street'] else array[i || ' ' || pg_temp.words(i, 1) || ' road'] end,
  (array['Lagos','Madrid','Αθήνα','Москва','北京','東京','서울','القاهرة','दिल्ली','Köln','Huế','Dún Laoghaire'])[1 + pg_temp.pick(i, 1, 12)],
  case when pg_temp.pick(i, 2, 9) > 0 then lpad(pg_temp.pick(i, 3, 99999)::text, 5, '0') end,
  (array['NG','ES','GR','RU','CN','JP','KR','EG','IN','DE','VN','IE'])[1 + pg_temp.pick(i, 1, 12)],
  (pg_temp.pick(i, 4, 140000000) - 70000000) / 1000000.0, (pg_temp.pick(i, 5, 360000000) - 180000000) / 1000000.0,
  date '2021-01-01' + pg_temp.pick(i, 6, 2000)
from generate_series(1, 12000 * :scale) i;

create table shop.orders (
  order_id bigint primary key,
  customer_id uuid not null references shop.customers,
  address_id bigint not null references shop.addresses,
  status shop.order_status not null,
  currency char(3) not null references shop.currencies,
  shipping_fee numeric(8,2) not null,
  placed_at timestamptz not null,
  gift boolean not null,
  note text
);
insert into shop.orders
select i, md5('customer' || 1 + (a - 1) % (10000 * :scale) || 'of' || :seed)::uuid, a,
  (array['placed','paid','shipped','delivered','delivered','delivered','returned']::shop.order_status[])[1 + pg_temp.pick(i, 2, 7)],
  (array['EUR','USD','GBP','JPY','CNY','KRW','INR','RUB','EGP','KWD','CHF','BRL'])[1 + pg_temp.pick(i, 3, 12)],
  pg_temp.pick(i, 4, 2500) / 100.0,
  timestamptz '2025-01-01 00:00:00+00' + make_interval(secs => pg_temp.pick(i, 5, 57000000)) + make_interval(secs => pg_temp.pick(i, 6, 1000) / 1000.0),
  pg_temp.pick(i, 7, 8) = 0,
  case pg_temp.pick(i, 8, 6) when 0 then 'Leave it with ' || pg_temp.words(i, 2) when 1 then '' end
from (select i, 1 + pg_temp.pick(i, 1, 12000 * :scale) a from generate_series(1, 40000 * :scale) i) o;

create table shop.order_lines (
  order_id bigint not null references shop.orders,
  line_no smallint not null,
  book_id int not null references shop.books,
  quantity smallint not null,
  unit_price numeric(10,2) not null,
  discount numeric,
  primary key (order_id, line_no)
);
insert into shop.order_lines
select o, l, b, 1 + pg_temp.pick(o * 5 + l, 2, 4), 4.99 + pg_temp.pick(b, 3, 6000) / 100.0,
  case when pg_temp.pick(o * 5 + l, 4, 5) = 0 then pg_temp.pick(o * 5 + l, 5, 300000) / 1000000.0 end
from (select o, l, 1 + pg_temp.pick(o * 5 + l, 1, 6000 * :scale) b
  from generate_series(1, 40000 * :scale) o, generate_series(1, 1 + pg_temp.pick(o, 6, 4)) l) x;

create table shop.payments (
  payment_id bigint primary key,
  order_id bigint not null references shop.orders,
  reference uuid not null,
  method varchar(16) not null,
  amount numeric(12,2) not null,
  provider_fee numeric,
  captured_at timestamptz
);
insert into shop.payments
select i, i + i / 19, md5('payment' || i)::uuid, (array['card','transfer','wallet','voucher'])[1 + pg_temp.pick(i, 1, 4)],
  5 + pg_temp.pick(i, 2, 40000) / 100.0, case when pg_temp.pick(i, 3, 4) > 0 then pg_temp.pick(i, 4, 5000000) / 1000000.0 end,
  case when pg_temp.pick(i, 5, 12) > 0 then timestamptz '2025-01-02 00:00:00+00' + make_interval(secs => pg_temp.pick(i, 6, 57000000)) end
from generate_series(1, 38000 * :scale) i;

create table shop.shipments (
  shipment_id bigint primary key,
  order_id bigint not null references shop.orders,
  carrier varchar(30) not null,
  weight_kg real not null,
  window_from time not null,
  window_to time,
  delivered_on date,
  insured boolean not null
);
insert into shop.shipments
select i, i + i / 4, (array['Kestrel Post','Northline','Ψαρά Κούριερ','飛脚便'])[1 + pg_temp.pick(i, 1, 4)], (1 + pg_temp.pick(i, 2, 80)) / 8.0,
  time '07:00' + make_interval(mins => 15 * pg_temp.pick(i, 3, 40)), case when i % 6 > 0 then time '19:30' + make_interval(mins => pg_temp.pick(i, 4, 150)) end,
  case when pg_temp.pick(i, 5, 7) > 0 then date '2025-01-03' + pg_temp.pick(i, 6, 660) end, pg_temp.pick(i, 7, 5) = 0
from generate_series(1, 30000 * :scale) i;

create table shop.reviews (
  review_id bigint primary key,
  book_id int not null references shop.books,
  customer_id uuid not null references shop.customers,
  stars smallint not null,
  body text,
  written_at timestamptz not null
);
insert into shop.reviews
select i, 1 + pg_temp.pick(i, 1, 6000 * :scale), md5('customer' || 1 + pg_temp.pick(i, 2, 10000 * :scale) || 'of' || :seed)::uuid, 1 + pg_temp.pick(i, 3, 5),
  case pg_temp.pick(i, 4, 6) when 0 then null when 1 then '' when 2 then '素晴らしい本でした 📚' when 3 then 'كتاب جميل' else pg_temp.words(i, 5 + pg_temp.pick(i, 5, 30)) end,
  timestamptz '2024-01-01 00:00:00+00' + make_interval(secs => pg_temp.pick(i, 6, 88000000))
from generate_series(1, 20000 * :scale) i;

-- transcript is the column that is cut on purpose: the lake only wants the head of it.
create table shop.support_tickets (
  ticket_id int primary key,
  customer_id uuid not null references shop.customers,
  subject varchar(120) not null,
  opened_at timestamptz not null,
  closed_at timestamptz,
  transcript text not null
);
insert into shop.support_tickets
select i, md5('customer' || 1 + pg_temp.pick(i, 1, 10000 * :scale) || 'of' || :seed)::uuid, 'About ' || pg_temp.words(i, 4),
  timestamptz '2025-06-01 09:00:00+00' + make_interval(mins => pg_temp.pick(i, 2, 700000)),
  case when i % 3 > 0 then timestamptz '2026-10-01 09:00:00+00' + make_interval(mins => pg_temp.pick(i, 3, 40000)) end,
  left(repeat('[' || i || '] reader: where is my parcel? desk: on its way. ', 700), case when i % 2 = 0 then 1000 + pg_temp.pick(i, 4, 2000) else 9000 + pg_temp.pick(i, 5, 25000) end)
from generate_series(1, 300 * :scale) i;

-- Empty on purpose: DMS makes no folder for it. And one that the mappings leave out.
create table shop.gift_cards (card_id uuid primary key, value numeric(8,2) not null, sold_at timestamptz);
create table shop.import_prices (line int primary key, content text);
insert into shop.import_prices select i, 'raw;' || pg_temp.words(i, 3) from generate_series(1, 100 * :scale) i;

create table web.page_views (
  visited_on date not null,
  visit_id bigint not null,
  customer_id uuid,
  path varchar(120) not null,
  client inet not null,
  milliseconds int not null,
  primary key (visited_on, visit_id)
);
insert into web.page_views
select date '2026-01-01' + pg_temp.pick(i, 1, 304), i, case when i % 3 = 0 then md5('customer' || 1 + pg_temp.pick(i, 2, 10000 * :scale) || 'of' || :seed)::uuid end,
  '/books/' || 1 + pg_temp.pick(i, 3, 6000 * :scale), ('10.' || pg_temp.pick(i, 4, 256) || '.' || pg_temp.pick(i, 5, 256) || '.' || 1 + pg_temp.pick(i, 6, 254))::inet,
  20 + pg_temp.pick(i, 7, 3000)
from generate_series(1, 30000 * :scale) i;
commit;
select format('analyze %I.%I', schemaname, tablename) from pg_tables where schemaname in ('shop', 'web') \gexec

select format('select json_build_object(''step'', ''seed'', ''table'', %L, ''rows'', count(*), ''ok'', true, ''detail'', %L) from %I.%I',
  n.nspname || '.' || c.relname, pg_size_pretty(pg_total_relation_size(c.oid)), n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('shop', 'web') and c.relkind = 'r' order by n.nspname, c.relname \gexec
SQL
code=$?
if [ "$code" -ne 0 ]; then
  printf '{"step": "seed", "table": null, "rows": 0, "ok": false, "detail": "psql ended with %s; its message is on stderr"}\n' "$code"
  exit 1
fi
