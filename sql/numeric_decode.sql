CREATE EXTENSION pulse;
-- the decoder against the server's own cast: to the bit, for numbers of every length and scale
SELECT setseed(0.42);
CREATE TABLE n AS
	SELECT ((CASE WHEN random() < 0.5 THEN '-' ELSE '' END)
			|| floor(random() * 10 ^ floor(random() * 19))::numeric::text)::numeric * CASE WHEN random() < 0.5 THEN 1 ELSE 10000 END
		   / (10::numeric ^ floor(random() * 25)::int) AS x
	FROM generate_series(1, 400000);
INSERT INTO n SELECT (random() * 10 ^ (random() * 40 - 20))::float8::numeric FROM generate_series(1, 300000);
INSERT INTO n SELECT round((random() * 100000)::numeric, 8) FROM generate_series(1, 300000);
INSERT INTO n SELECT round(random()::numeric * 10000000, (random() * 6)::int) FROM generate_series(1, 300000);
INSERT INTO n VALUES (0), (0.0), (1), (-1), ('NaN'), ('Infinity'), ('-Infinity'), (1e300), (-1e300), (1e-300), (1e22), (1e23), (10000), (0.0001),
	(9007199254740992), (9007199254740993), (9007199254740993.0000), (9007199254740995), (18446744073709551615), (18446744073709551616),
	(0.1), (0.3), (123456789.123456789), (4503599627370496.5), (4503599627370497.5), (9007199254740992.5), (0.000000000000000000000001),
	(1234567890123456789.123456789012345678901234567890), (2.2250738585072014e-308), (0.500000000000000166533453693773481063544750213623046875);
-- halfway cases between two neighbours, where a second rounding would show
INSERT INTO n SELECT (9007199254740992 + 2 * i + 1)::numeric / (10::numeric ^ (i % 4)) FROM generate_series(1, 200000) i;
INSERT INTO n SELECT (floor(random() * 9e15) + 9e15)::numeric / 2 ^ (i % 3) / (10::numeric ^ (i % 19)) FROM generate_series(1, 200000) i;
SELECT count(*) > 1700000 AS enough, count(*) FILTER (WHERE float8send(pulse.numeric_decode(x)) IS DISTINCT FROM float8send(x::float8)) AS wrong FROM n;
SELECT x FROM n WHERE float8send(pulse.numeric_decode(x)) IS DISTINCT FROM float8send(x::float8) LIMIT 5;
-- compressed and short varlena forms
CREATE TABLE toasted (x numeric);
ALTER TABLE toasted ALTER x SET STORAGE EXTENDED;
INSERT INTO toasted SELECT (repeat('1234567890', 2000) || '.5')::numeric / (10::numeric ^ 19990);
INSERT INTO toasted VALUES (1.5);
SELECT count(*) FILTER (WHERE pulse.numeric_decode(x) <> x::float8) AS wrong FROM toasted;
-- what the cast refuses is refused
SELECT pulse.numeric_decode(1e400);
DROP TABLE n, toasted;
DROP EXTENSION pulse;
