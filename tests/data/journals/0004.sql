BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE event (
	seq INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	boot TEXT NOT NULL, 
	run TEXT NOT NULL, 
	state TEXT, 
	step TEXT, 
	attempt INTEGER, 
	kind TEXT NOT NULL, 
	"key" TEXT, 
	evidence TEXT, 
	code TEXT, 
	class TEXT, 
	detail TEXT, 
	next_try FLOAT, 
	duration FLOAT, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "event" VALUES(1,1800000001.0,'boot-1','run',NULL,NULL,NULL,'begun',NULL,NULL,NULL,NULL,'test',NULL,NULL,'beae1acb140a448f1ef72b93398f9772f765e6b9b20b9e9be0d8a1fb012ff44d');
INSERT INTO "event" VALUES(2,1800000002.0,'boot-1','run','one',NULL,NULL,'entered',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'f070143a43ac86e3555fa0f55827487ea405554cd0f4cfb580e58748bdac55b4');
INSERT INTO "event" VALUES(3,1800000003.0,'boot-1','run','one','one.a',1,'started','r1:volume:e3b0c44298fc1c14',NULL,NULL,NULL,NULL,NULL,NULL,'14528ee4c9420387358bb59c460c32377d4b5f57e31c8c37ef9e268305e8a22c');
INSERT INTO "event" VALUES(4,1800000004.0,'boot-1','run','one','one.a',1,'done','r1:volume:e3b0c44298fc1c14','one.a is there',NULL,NULL,NULL,NULL,0.016,'7fdca4bc16e6ba262b49da4e1b860d8329c7daec9181597a465c35f01746f2b9');
INSERT INTO "event" VALUES(5,1800000004.0,'boot-1','run','one','one.once',1,'started','once',NULL,NULL,NULL,NULL,NULL,NULL,'516d08d581480f4f3a541b73b9759a2f814c5c284303f8896c2e6e73a6eded07');
INSERT INTO "event" VALUES(6,1800000005.0,'boot-1','run','one','one.once',1,'done','once','one.once is there',NULL,NULL,NULL,NULL,0.016,'c6cae46b10a399e13ae5381683b758e8ea0ed17a6493fc7a0bf809f970f49d4f');
INSERT INTO "event" VALUES(7,1800000005.0,'boot-1','run','two',NULL,NULL,'entered',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'71561f8a629c0dc5160575753875a33f5a6c272b4882bb70146aeb96bedb5547');
INSERT INTO "event" VALUES(8,1800000006.0,'boot-1','run','two','two.a',1,'started','r1:volume:e3b0c44298fc1c14',NULL,NULL,NULL,NULL,NULL,NULL,'7d11f5065a647fad6175d589e1945506cc09eb7b0cf1c8fa9dabfe8dbb3f7edf');
CREATE TABLE gap (
	last INTEGER NOT NULL, 
	first INTEGER NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (last)
);
CREATE TABLE past (
	id INTEGER NOT NULL CHECK (id = 1), 
	pruned INTEGER NOT NULL, 
	gaps TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "past" VALUES(1,0,'');
CREATE TABLE seal (
	id INTEGER NOT NULL CHECK (id = 1), 
	hash TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "seal" VALUES(1,'cf7f5771');
CREATE TABLE step (
	name TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	title TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	weight FLOAT NOT NULL, 
	PRIMARY KEY (name)
)
 WITHOUT ROWID

;
INSERT INTO "step" VALUES('one.a',0,'one','make one.a','volume',1.0);
INSERT INTO "step" VALUES('one.once',1,'one','make one.once','volume',1.0);
INSERT INTO "step" VALUES('two.a',2,'two','make two.a','volume',1.0);
INSERT INTO "step" VALUES('two.b',3,'two','make two.b','volume',1.0);
CREATE TABLE workflow (
	id INTEGER NOT NULL CHECK (id = 1), 
	state TEXT NOT NULL, 
	place TEXT NOT NULL, 
	step TEXT, 
	boot TEXT NOT NULL, 
	run TEXT NOT NULL, 
	updated FLOAT NOT NULL, 
	code TEXT, 
	detail TEXT, 
	remedy TEXT, 
	next_try FLOAT, 
	version TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "workflow" VALUES(1,'two','two','two.a','boot-1','run',1800000006.0,NULL,NULL,NULL,NULL,'0.1.0');
CREATE INDEX event_of_step ON event (step, seq);
CREATE TRIGGER event_stays BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE INDEX event_settling ON event (step, seq) WHERE kind IN ('done', 'satisfied', 'recovered', 'lost', 'reset');
CREATE INDEX event_failed ON event (step, seq) WHERE kind = 'failed';
CREATE INDEX event_gave_up ON event (step, seq) WHERE kind = 'gave-up';
CREATE VIEW step_status AS
        SELECT step.name, step.position, step.state, step.title, step.scope, step.weight,
               last.seq AS last_seq, last.kind AS last_kind, last.at AS last_at, last.boot AS last_boot,
               last.attempt AS attempt, last.code AS code, last.class AS class, last.detail AS detail,
               last.next_try AS next_try,
               settled.kind AS settled_kind, settled.key AS settled_key, settled.evidence AS evidence,
               settled.at AS settled_at, settled.boot AS settled_boot, settled.duration AS duration,
               (SELECT count(*) FROM event AS failure
                 WHERE failure.step = step.name AND failure.kind = 'failed'
                   AND failure.seq > max(coalesce(settled.seq, 0), coalesce(
                       (SELECT max(seq) FROM event WHERE event.step = step.name AND kind = 'gave-up'), 0))
               ) AS failures
          FROM step
          LEFT JOIN event AS last
            ON last.seq = (SELECT max(seq) FROM event WHERE event.step = step.name)
          LEFT JOIN event AS settled
            ON settled.seq = (SELECT max(seq) FROM event WHERE event.step = step.name AND kind IN ('done', 'satisfied', 'recovered', 'lost', 'reset'));
CREATE TRIGGER event_is_kept BEFORE DELETE ON event
        WHEN coalesce((SELECT first FROM gap WHERE last >= old.seq ORDER BY last LIMIT 1), old.seq + 1) > old.seq
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
COMMIT;
