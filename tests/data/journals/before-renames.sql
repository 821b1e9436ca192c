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
INSERT INTO "event" VALUES(1,1.79605636794557833673e+09,'e523557b-4195813','c0aa8aa9',NULL,NULL,NULL,'begun',NULL,NULL,NULL,NULL,'start of the container',NULL,NULL,'4bd13aef99264d3b09b4767affb2a9a3a35ae4ffd22c2775f20be05c4858348c');
INSERT INTO "event" VALUES(2,1.79605636797450399395e+09,'e523557b-4195813','c0aa8aa9','install','install.archive',1,'started','r1:volume:b36c6245833dc78c',NULL,NULL,NULL,NULL,NULL,NULL,'e6914f41dad02ea0ce88846f534b95ce4f24d0b79e3af090280584476424012b');
INSERT INTO "event" VALUES(3,1.79605636798584389684e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.dh',1,'started','r1:volume:e5e19b28de946c55',NULL,NULL,NULL,NULL,NULL,NULL,'43e05aff46c08ad03b9da6c4dc5665ee7bbfc4d72e5fc41a19aeaf6da2d937bd');
INSERT INTO "event" VALUES(4,1.79605636799385333067e+09,'e523557b-4195813','c0aa8aa9','bootstrap',NULL,NULL,'entered',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'fee44cb14c6e3651a5579a983d88834c607dd81955750b445beff251a836174c');
INSERT INTO "event" VALUES(5,1.79605636799454975133e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.network',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','a network of its own',NULL,NULL,NULL,NULL,NULL,'048f240935567aa4f75dead20a1bc3ae09cbe2e83c89ed2b3bc81b5dc498697c');
INSERT INTO "event" VALUES(6,1.79605636799454975133e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.closed',1,'started','r1:e523557b-4195813:e3b0c44298fc1c14',NULL,NULL,NULL,NULL,NULL,NULL,'57cf492a34165558d376695141eb31146c3a335f0f850adf39dfe0ee40be6e60');
INSERT INTO "event" VALUES(7,1.79605636816261768342e+09,'e523557b-4195813','c0aa8aa9','install','install.archive',1,'done','r1:volume:b36c6245833dc78c','/release/zcs-8.8.15_GA_standin.UBUNTU18_64.tgz, 86656 bytes, SHA-256 358c8103f86fffba23afeefa71154bf4446a45727019aea6736eb378e555eee5',NULL,NULL,NULL,NULL,0.188,'bdd222e35b25a4851c50791a8e830c64626f3196edf1972cb929d40e55c6b720');
INSERT INTO "event" VALUES(8,1.79605636829040193553e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.dh',1,'done','r1:volume:e5e19b28de946c55','4096 bits, ffdhe4096, SHA-256 64852d6890ff9e62',NULL,NULL,NULL,NULL,0.315,'bb504a13a76986ba82869a35842a64a39d48a26b8d6a4fdbafebc4cc8797cace');
INSERT INTO "event" VALUES(9,1.79605636841997957225e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.closed',1,'done','r1:e523557b-4195813:e3b0c44298fc1c14','inbound dropped',NULL,NULL,NULL,NULL,0.291,'751226b3fd1d6cf257308b822f55a98e431f139aecd718cbc2922acc9a8528f2');
INSERT INTO "event" VALUES(10,1.79605636841997957225e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.rights',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','all 11 capabilities',NULL,NULL,NULL,NULL,NULL,'3bda6678f147b46f971ec884215bdfc1983e44f7ee960d68d7018a016ae16d5b');
INSERT INTO "event" VALUES(11,1.79605636841997957225e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.identity',NULL,'satisfied','r1:e523557b-4195813:181d50c37d9a3c65','server name mail.example.test',NULL,NULL,NULL,NULL,NULL,'01371d585f742cb0fc5c227c9be85c84ed8f8f1476c69b4d07b57dee8d1989c2');
INSERT INTO "event" VALUES(12,1.79605636841997957225e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.volume',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','volume without strange files, 69943 MiB free',NULL,NULL,NULL,NULL,NULL,'534c1148ab59213953e9fc1f33fea805c5cb93df82de3b79df779d2cf0637e85');
INSERT INTO "event" VALUES(13,1.79605636841997957225e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.restored',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','owners and rights of the files as they should be',NULL,NULL,NULL,NULL,NULL,'c6f186f9d4c79743addf237c8d6bfca56da1649f6a21450dc69662881b263a58');
INSERT INTO "event" VALUES(14,1.79605636841997957225e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.private',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','secrets are their owners'' alone',NULL,NULL,NULL,NULL,NULL,'41b0cbf02fc2b71e92f9ab20e3328960f58908248d72a83da697356ed6b73772');
INSERT INTO "event" VALUES(15,1.79605636841997957225e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.build',1,'started','once',NULL,NULL,NULL,NULL,NULL,NULL,'0c5bf994752af311e9aecfc6a1c7b9f772f64ed7116efa8b2e597d3e9c47f898');
INSERT INTO "event" VALUES(16,1.79605649573894762989e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.build',1,'done','once','Ubuntu 18.04, 192 packages, from http://archive.ubuntu.com/ubuntu',NULL,NULL,NULL,NULL,127.32,'dc8c139ec5562d45fcf5d22e9df43cffd8512e66f5e12f8252c313d4cbd472e5');
INSERT INTO "event" VALUES(17,1.79605649573894762989e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.rootfs',1,'started','once',NULL,NULL,NULL,NULL,NULL,NULL,'84ca1edd442b354b7ca66a304e2dd07346266cfdb8f885a7be03f785f84477c0');
INSERT INTO "event" VALUES(18,1.796056495749960661e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.rootfs',1,'done','once','Ubuntu 18.04 (bionic) on the volume, built 2026-11-30T16:34:54.156Z',NULL,NULL,NULL,NULL,0.011,'2d761032160a88ab5c8a718b6fa0faa5bb0d853cecb1a0dd07296a8e12b5595a');
INSERT INTO "event" VALUES(19,1.796056495749960661e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.available',1,'started','r1:volume:e3b0c44298fc1c14',NULL,NULL,NULL,NULL,NULL,NULL,'a1a57967e3d73b5696856e64a17a30d4a2187ae94ccf3bec614bfc094348999a');
INSERT INTO "event" VALUES(20,1.79605649575396347046e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.available',1,'done','r1:volume:e3b0c44298fc1c14','/var/lib/dpkg/available is there',NULL,NULL,NULL,NULL,0.003,'e64eb8d50874e90d5eae3776de4b8a39d7b9f90e0ae80d5d46979e5c97ffd18c');
INSERT INTO "event" VALUES(21,1.79605649575396347046e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.mounts',1,'started','r1:e523557b-4195813:e3b0c44298fc1c14',NULL,NULL,NULL,NULL,NULL,NULL,'155f38262073a79701cab1ed980e9f77e5c3d5f79059b83598069036232ce217');
INSERT INTO "event" VALUES(22,1.79605649577244663242e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.mounts',1,'done','r1:e523557b-4195813:e3b0c44298fc1c14','/proc, /sys, /dev and a fresh /run, 27 mounts',NULL,NULL,NULL,NULL,0.018,'96a8f68998d28e9db695fda042bf29ffc9fa745c371db6a1d04e0df9ea470557');
INSERT INTO "event" VALUES(23,1.79605649577244663242e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.names',1,'started','r1:e523557b-4195813:6467aa1b3854a867',NULL,NULL,NULL,NULL,NULL,NULL,'4d89ca3cf4c7e4ec3f37544523c3e07a222649100623cc9d6559f19a0beb38a9');
INSERT INTO "event" VALUES(24,1.79605649578431940081e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.names',1,'done','r1:e523557b-4195813:6467aa1b3854a867','mail.example.test at 10.88.5.70',NULL,NULL,NULL,NULL,0.01,'05c1fab8b4987084dd3d8455833ff0ea944a945f827e1389be1e4ee98205024f');
INSERT INTO "event" VALUES(25,1.79605649578431940081e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.resolver',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','nameservers of the container: 10.255.255.53',NULL,NULL,NULL,NULL,NULL,'897f2aaca0a076f7e7abad54406dc25dcebe86a176740ee98ca8f9d3475dae1b');
INSERT INTO "event" VALUES(26,1.79605649578431940081e+09,'e523557b-4195813','c0aa8aa9','updates',NULL,NULL,'entered',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'aedf6de982d8fa5dbe6b1a896bb43621c0d3e72a2cb6150fe97a8791a7344bd0');
INSERT INTO "event" VALUES(27,1.7960564957912592888e+09,'e523557b-4195813','c0aa8aa9','updates','updates.packages',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','no package is half done',NULL,NULL,NULL,NULL,NULL,'49009999bf539febe40a069cf1b40145d92402d12748aaf37945c563f259b4c0');
INSERT INTO "event" VALUES(28,1.7960564957912592888e+09,'e523557b-4195813','c0aa8aa9','updates','updates.configured',1,'started','r1:volume:83f5e152d7db7a8d',NULL,NULL,NULL,NULL,NULL,NULL,'be5288eb82e624cb7477f6a5fd323107aa5f925e96b909699ba01e6831f1c0ac');
INSERT INTO "event" VALUES(29,1.79605649580855059616e+09,'e523557b-4195813','c0aa8aa9','updates','updates.configured',1,'done','r1:volume:83f5e152d7db7a8d','unattended upgrades daily, errors to admin@example.test',NULL,NULL,NULL,NULL,0.017,'9f04fd4678cf449dc6cb94f05845f6481ad1598292ea57fdf3f4711bdc117a7f');
INSERT INTO "event" VALUES(30,1.79605649580855059616e+09,'e523557b-4195813','c0aa8aa9','updates','updates.driver',1,'started','r1:e523557b-4195813:dc937b59892604f5',NULL,NULL,NULL,NULL,NULL,NULL,'8252767172444f706dd4ae8ffb6a9890391087fb98d7afe0a6c6973efc074f1b');
INSERT INTO "event" VALUES(31,1.7960564958415601253e+09,'e523557b-4195813','c0aa8aa9','updates','updates.driver',1,'done','r1:e523557b-4195813:dc937b59892604f5','cron is process 6040; no update has succeeded yet',NULL,NULL,NULL,NULL,0.033,'361b3f8c3f76483ff19e0a1fef0731d912e9de13986bb0f2dc38d29ad5a8db8a');
INSERT INTO "event" VALUES(32,1.7960564958415601253e+09,'e523557b-4195813','c0aa8aa9','install',NULL,NULL,'entered',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'a8936e1dda11bebc0943e93359d73f8ec63b10910959aa048a29ae9e85c9e184');
INSERT INTO "event" VALUES(33,1.79605649584291553492e+09,'e523557b-4195813','c0aa8aa9','install','install.identity',NULL,'satisfied','r1:e523557b-4195813:6467aa1b3854a867','no server is installed yet',NULL,NULL,NULL,NULL,NULL,'eb941b67690accff9cbf304e22e4d16fe039c6d1546ccc966da3db60a4a0c35c');
INSERT INTO "event" VALUES(34,1.79605649584291553492e+09,'e523557b-4195813','c0aa8aa9','install','install.origin',1,'started','r1:e523557b-4195813:e3b0c44298fc1c14',NULL,NULL,NULL,NULL,NULL,NULL,'7c3cdfd0a5644b134f49c44df68694095d13f333f85c87be20faad5ed581c88d');
INSERT INTO "event" VALUES(35,1.79605649591963219637e+09,'e523557b-4195813','c0aa8aa9','install','install.origin',1,'done','r1:e523557b-4195813:e3b0c44298fc1c14','5 folders where they were',NULL,NULL,NULL,NULL,0.004,'07b0aff43ad250ddfa3cabd11cf944f338033c038bbbdf90c52da1ae9de9f333');
INSERT INTO "event" VALUES(36,1.79605649591963219637e+09,'e523557b-4195813','c0aa8aa9','install','install.memory',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','no server is installed yet',NULL,NULL,NULL,NULL,NULL,'152afd40a99a0f5b3effed9dd2bfaaa4b4d40ffbca507b0a7afd20dc7e9b34c0');
INSERT INTO "event" VALUES(37,1.79605649591963219637e+09,'e523557b-4195813','c0aa8aa9','install','install.choices',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','all can be used',NULL,NULL,NULL,NULL,NULL,'5c77ad48969f286c7ad53803d6a79584930d5db72af7b5c1052f2f65ba41480b');
INSERT INTO "event" VALUES(38,1.79605649591963219637e+09,'e523557b-4195813','c0aa8aa9','install','install.preflight',NULL,'satisfied','r1:volume:6467aa1b3854a867','mail.example.test, 23.5 GiB of memory, 20000 open files',NULL,NULL,NULL,NULL,NULL,'ebf33b907e0e720f5411849a264343272ca92282042880cd2a667b4e79d6cd8e');
INSERT INTO "event" VALUES(39,1.79605649591963219637e+09,'e523557b-4195813','c0aa8aa9','install','install.limits',1,'started','r1:e523557b-4195813:e3b0c44298fc1c14',NULL,NULL,NULL,NULL,NULL,NULL,'76b3a91e28763652378a114b9ccb66a8cdb5cbd04c43d16d3c8e5509bc8f5a9b');
INSERT INTO "event" VALUES(40,1.79605649592298316952e+09,'e523557b-4195813','c0aa8aa9','install','install.limits',1,'done','r1:e523557b-4195813:e3b0c44298fc1c14','20000 open files',NULL,NULL,NULL,NULL,0.003,'7cd3b3aaeb0312bb4c935d1151939a47bbd1ceb4fe2c1d9645ab288aa0f84a16');
INSERT INTO "event" VALUES(41,1.79605649592298316952e+09,'e523557b-4195813','c0aa8aa9','install','install.dns',1,'started','r1:e523557b-4195813:e3b0c44298fc1c14',NULL,NULL,NULL,NULL,NULL,NULL,'572a6512c0016fcc8766330f45d352aa907f3593becede0658422149833987b7');
INSERT INTO "event" VALUES(42,1.7960564959435324669e+09,'e523557b-4195813','c0aa8aa9','install','install.dns',1,'done','r1:e523557b-4195813:e3b0c44298fc1c14','example.test → mail.example.test; process 6063',NULL,NULL,NULL,NULL,0.02,'946347249670b3546b2b8048d09dd50d90963b87b1822dccf0378ce6abe18844');
INSERT INTO "event" VALUES(43,1.7960564959435324669e+09,'e523557b-4195813','c0aa8aa9','install','install.syslog',1,'started','r1:e523557b-4195813:e3b0c44298fc1c14',NULL,NULL,NULL,NULL,NULL,NULL,'8508eeb8492c0c907a4364e27df6be7eab25d4eaded3619d461098f4a3b59f16');
INSERT INTO "event" VALUES(44,1.79605649612647867196e+09,'e523557b-4195813','c0aa8aa9','install','install.syslog',1,'done','r1:e523557b-4195813:e3b0c44298fc1c14','rsyslog is process 6086',NULL,NULL,NULL,NULL,0.183,'a7e03b838baab2c14ba13cde192ab839f899e4a2d1cb5017b1e9fa6d17fed595');
INSERT INTO "event" VALUES(45,1.79605649612647867196e+09,'e523557b-4195813','c0aa8aa9','install','install.unpack',1,'started','r1:volume:6d3a5d3ed186182d',NULL,NULL,NULL,NULL,NULL,NULL,'0899032574b94acd8cf1b7fa96531de5cf6508a4cbf6d133ee491ad6a94bb01b');
INSERT INTO "event" VALUES(46,1.79605649615886855128e+09,'e523557b-4195813','c0aa8aa9','install','install.unpack',1,'done','r1:volume:6d3a5d3ed186182d','8.8.15 GA standin UBUNTU18_64 FOSS in /opt/zflow-release',NULL,NULL,NULL,NULL,0.032,'9adf4db4fd2fdb8dfb056f4a47255d1435343751699e37e63fd0265a0b159012');
INSERT INTO "event" VALUES(47,1.79605649615886855128e+09,'e523557b-4195813','c0aa8aa9','install','install.source',1,'started','r1:volume:ab3546ae53beb580',NULL,NULL,NULL,NULL,NULL,NULL,'2ecf599028d9976d738a9c2c81949e1a603b5b2da692c76239ee0d8efc55d32c');
INSERT INTO "event" VALUES(48,1.79605649631014823918e+09,'e523557b-4195813','c0aa8aa9','install','install.source',1,'done','r1:volume:ab3546ae53beb580','file:/app/vendor-repo by key 22FC91428EC6CEDD24E8D49EF8C207ACBD6467DF',NULL,NULL,NULL,NULL,0.151,'cc0f34a1298cd7c311e8d7bb6d706274de66f8a68b18779b0db5753c2f248076');
INSERT INTO "event" VALUES(49,1.79605649631014823918e+09,'e523557b-4195813','c0aa8aa9','install','install.answers',1,'started','r1:volume:e3b0c44298fc1c14',NULL,NULL,NULL,NULL,NULL,NULL,'8858a5fed70d1d41f61377505bbdb85cbff2987503d09d9b9718ea205903f565');
INSERT INTO "event" VALUES(50,1.79605649632089948647e+09,'e523557b-4195813','c0aa8aa9','install','install.answers',1,'done','r1:volume:e3b0c44298fc1c14','/opt/zflow-answers, 95 answers, 0600',NULL,NULL,NULL,NULL,0.009,'f02a1e7715217bf2d2d8349d1053303e8a340d68e1f9e02b66b8653fa0cab999');
INSERT INTO "event" VALUES(51,1.79605649632089948647e+09,'e523557b-4195813','c0aa8aa9','install','install.software',1,'started','once',NULL,NULL,NULL,NULL,NULL,NULL,'27b1727b30764d778c672a1cd4f2f530a8c552128404af25db876fa8bb391379');
INSERT INTO "event" VALUES(52,1.79605651265828251839e+09,'e523557b-4195813','c0aa8aa9','install','install.software',1,'done','once','18 packages, zimbra-core 8.8.15.GA.standin.UBUNTU18.64',NULL,NULL,NULL,NULL,16.337,'4c56dc52c622f0ef8e3d3287ba2d35b0c7a4ec2ed04c9b20c6c4da2c5d5cb0d5');
INSERT INTO "event" VALUES(53,1.79605651265828251839e+09,'e523557b-4195813','c0aa8aa9','install','install.setup',1,'started','once',NULL,NULL,NULL,NULL,NULL,NULL,'ac9b93e8787b0b48da69cd3a3d9f41bea550666d80989695245cdef6152d1b01');
INSERT INTO "event" VALUES(54,1.79605652364892768866e+09,'e523557b-4195813','c0aa8aa9','install','install.setup',1,'done','once','NOTICE: the vendor''s installer said: Setting up syslog.conf...Failed (Unescaped left brace in regex is illegal here in regex; marked by <-- HERE); Zimbra 8.8.15.GA.standin.UBUNTU18.64 configured and read back',NULL,NULL,NULL,NULL,10.989,'40926e9de65a2cbf8cba02b08b3646b69219530403c1c70593ed648d3b3836c8');
INSERT INTO "event" VALUES(55,1.79605652364892768866e+09,'e523557b-4195813','c0aa8aa9','install','install.newer_software',NULL,'satisfied','r1:volume:e3b0c44298fc1c14','no upgrade is ordered',NULL,NULL,NULL,NULL,NULL,'eb38bf8a1ce7accb215644d52fba9494fc3fed2033b2c67927e582f202e62753');
INSERT INTO "event" VALUES(56,1.79605652364892768866e+09,'e523557b-4195813','c0aa8aa9','install','install.newer_setup',NULL,'satisfied','r1:volume:e3b0c44298fc1c14','no upgrade is ordered',NULL,NULL,NULL,NULL,NULL,'ecc3a7e38f4836d659bb92763d0dcac7293d7cfa2ff04f1847f4f669984c3ef6');
INSERT INTO "event" VALUES(57,1.79605652364892768866e+09,'e523557b-4195813','c0aa8aa9','install','install.holds',1,'started','r1:volume:e3b0c44298fc1c14',NULL,NULL,NULL,NULL,NULL,NULL,'31be86b47a1559fecd7ce783b1569de2173735d2084a2030e80a9e3ee29972b9');
INSERT INTO "event" VALUES(58,1.79605652410209846491e+09,'e523557b-4195813','c0aa8aa9','install','install.holds',1,'done','r1:volume:e3b0c44298fc1c14','28 packages held',NULL,NULL,NULL,NULL,0.302,'7040d06bae397e9ba666b9461451a60463f49a8b1fb8acf01b7d88d0ca8ab69a');
INSERT INTO "event" VALUES(59,1.79605652410209846491e+09,'e523557b-4195813','c0aa8aa9','install','install.certificate',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','nginx, slapd, smtpd can start on their certificate and key',NULL,NULL,NULL,NULL,NULL,'dc1c81fc34f111ad333754b116aed20bcc2beebdeedc78bc026c879a7a98da74');
INSERT INTO "event" VALUES(60,1.79605652410209846491e+09,'e523557b-4195813','c0aa8aa9','install','install.services',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','18 services, 16 processes, 21 ports',NULL,NULL,NULL,NULL,NULL,'a2e97d12ab11949f022df098b19619924a838b85a5863a5c39a18d1b0570d13f');
INSERT INTO "event" VALUES(61,1.79605652410209846491e+09,'e523557b-4195813','c0aa8aa9','install','install.patches',NULL,'satisfied','r1:volume:e3b0c44298fc1c14','not the vendor''s own 8.8.15: patches are built in, or there are none',NULL,NULL,NULL,NULL,NULL,'1233b0ac80306bedaec626610d0d22b68e9e892c2965c9074c9db490085f806c');
INSERT INTO "event" VALUES(62,1.79605652410209846491e+09,'e523557b-4195813','c0aa8aa9','install','install.administrator',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','/data/.zflow/secrets/admin_password holds the password that the administrator was given',NULL,NULL,NULL,NULL,NULL,'7a8d8237ba577c0bca14137b4185104e174e071f5bd2c89164ad09b1724a70ad');
INSERT INTO "event" VALUES(63,1.79605652410209846491e+09,'e523557b-4195813','c0aa8aa9','install','install.networks',NULL,'satisfied','r1:e523557b-4195813:ef42e9b5082ea14f','127.0.0.0/8 [::1]/128 10.88.5.70/32',NULL,NULL,NULL,NULL,NULL,'b584e85aba837eff53388d1bd5dc53b7ea2630c88add3a9c11f22f2cd4843ab5');
INSERT INTO "event" VALUES(64,1.79605652410209846491e+09,'e523557b-4195813','c0aa8aa9','firewall',NULL,NULL,'entered',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'911b10f6fc290f32ab5fd962e03117951052e46af2e97b35aee1ab038e5ae1a2');
INSERT INTO "event" VALUES(65,1.79605652410363364219e+09,'e523557b-4195813','c0aa8aa9','firewall','firewall.open',1,'started','r1:e523557b-4195813:9c36248404227385',NULL,NULL,NULL,NULL,NULL,NULL,'b637c15854fe60998304d201a0981daece0895e1bd1190a70993010439643136');
INSERT INTO "event" VALUES(66,1.79605652420548033711e+09,'e523557b-4195813','c0aa8aa9','firewall','firewall.open',1,'done','r1:e523557b-4195813:9c36248404227385','open: 25/tcp, 80/tcp, 110/tcp, 143/tcp, 443/tcp, 465/tcp, 587/tcp, 993/tcp, 995/tcp, 5222/tcp, 5223/tcp, 7071/tcp; 46 rules',NULL,NULL,NULL,NULL,0.076,'2b1df6518c22f80339d9d099803693a825fc3cef5f7c5e4085e5bbe6f239404f');
INSERT INTO "event" VALUES(67,1.79605652420548033711e+09,'e523557b-4195813','c0aa8aa9','tls',NULL,NULL,'entered',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'d6259c0729a7c202da6d5214c62d7dfad68801a7278f63f1aefe193a4c96792e');
INSERT INTO "event" VALUES(68,1.79605652421266388891e+09,'e523557b-4195813','c0aa8aa9','tls','tls.lifetime',NULL,'satisfied','r1:volume:c508d615592d7d6e','until 2031-11-29',NULL,NULL,NULL,NULL,NULL,'dbf346a4ddcbc3a794c897562080dbfd6f0464e2ba1d0a671d109c2d69bd488c');
INSERT INTO "event" VALUES(69,1.79605652421266388891e+09,'e523557b-4195813','c0aa8aa9','tls','tls.profile',1,'started','r1:volume:86b03177742cfe81',NULL,NULL,NULL,NULL,NULL,NULL,'f3e009f853aefe565fdf0809c3688dec0dbf42f0ec283796c2770415cf30afd5');
INSERT INTO "event" VALUES(70,1.79605652713983392721e+09,'e523557b-4195813','c0aa8aa9','tls','tls.profile',1,'done','r1:volume:86b03177742cfe81','intermediate: TLSv1.2 for HTTP, IMAP and POP, TLSv1.2 and later for SMTP',NULL,NULL,NULL,NULL,2.756,'31543d6dfdefea2e756a61ef2a6d5c1e75d18013531c1c108d9ca184059aafd5');
INSERT INTO "event" VALUES(71,1.79605652713983392721e+09,'e523557b-4195813','c0aa8aa9','tls','tls.names',NULL,'satisfied','r1:volume:e3b0c44298fc1c14','the proxy answers under every name',NULL,NULL,NULL,NULL,NULL,'7c79b30d640b2e6668462a7348fd88c980bc239b106ae1612cb81bdd27978bf0');
INSERT INTO "event" VALUES(72,1.79605652713983392721e+09,'e523557b-4195813','c0aa8aa9','tls','tls.pair',1,'started','r1:volume:125ce3085aa6bf99',NULL,NULL,NULL,NULL,NULL,NULL,'ac7e96c5166091d54aeed453798fb40cc70f0597710398f213958d860d27230a');
INSERT INTO "event" VALUES(73,1.7960565271493980884e+09,'e523557b-4195813','c0aa8aa9','tls','tls.pair',1,'done','r1:volume:125ce3085aa6bf99','no pair supplied: the server keeps the certificate it has',NULL,NULL,NULL,NULL,0.028,'ee5fefd799fe0881d7ecfb1ae683164e5b9ec741a9645b24575847eb0b3e9a14');
INSERT INTO "event" VALUES(74,1.7960565271493980884e+09,'e523557b-4195813','c0aa8aa9','tls','tls.deployed',NULL,'satisfied','r1:volume:e3b0c44298fc1c14','the certificate the server has',NULL,NULL,NULL,NULL,NULL,'1debebd5f1e91472fd503a81ef156fa950f09271de871e6d0b783d321c02af15');
INSERT INTO "event" VALUES(75,1.7960565271493980884e+09,'e523557b-4195813','c0aa8aa9','tls','tls.hsts',NULL,'satisfied','r1:volume:1417ca9456664f07','no header: off',NULL,NULL,NULL,NULL,NULL,'b00fa01bacb22bf8a88976f5124c9dc3dfd1c1cd9f71652461985a3bbb5e9e9c');
INSERT INTO "event" VALUES(76,1.7960565271493980884e+09,'e523557b-4195813','c0aa8aa9','hardening',NULL,NULL,'entered',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'1cb4576c365953c88d05a287701811a28a2b87cf9541f12400efb024e8ec4b4d');
INSERT INTO "event" VALUES(77,1.79605652715441083903e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.watcher',1,'started','r1:volume:80998ba1ae39e08b',NULL,NULL,NULL,NULL,NULL,NULL,'c26e5067b7eb8d607b0397ac5b1afb70816c60cd5aabe33be49e60bb93caf7d5');
INSERT INTO "event" VALUES(78,1.79605652716706657408e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.watcher',1,'done','r1:volume:80998ba1ae39e08b','/opt/zimbra/libexec/auditswatch',NULL,NULL,NULL,NULL,0.012,'56a1f5e440b470b86361875d8bc960ea3ab6d05eae5901634376defeef26a9a2');
INSERT INTO "event" VALUES(79,1.79605652716706657408e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.values',1,'started','r1:volume:764f74bdbc8efa0a',NULL,NULL,NULL,NULL,NULL,NULL,'741c7f1c1fdcf4cf01ee49eaba6a2a0a233c4fc90466f24ddbc62495b4f59ee2');
INSERT INTO "event" VALUES(80,1.79605652975026488299e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.values',1,'done','r1:volume:764f74bdbc8efa0a','18 settings as wanted on Zimbra 8.8.15.GA.standin.UBUNTU18.64',NULL,NULL,NULL,NULL,2.582,'28ea49d2ec0e0a523cb7b32353df9c407d674282f03a56a0c44439e2b8d13d66');
INSERT INTO "event" VALUES(81,1.79605652975026488299e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.senders',1,'started','r1:volume:d620a47a29edc961',NULL,NULL,NULL,NULL,NULL,NULL,'3ffb7ded8048db096ec705fa4cb48744cdf06c15a28e40295be0ee2e4d13fa09');
INSERT INTO "event" VALUES(82,1.79605653173527956005e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.senders',1,'done','r1:volume:d620a47a29edc961','sender checks: standard',NULL,NULL,NULL,NULL,1.984,'21f56d4fc49f5b331b61add3db97ff9212426029a1d05117cf9180d8fdf79b21');
INSERT INTO "event" VALUES(83,1.79605653173527956005e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.watching',NULL,'satisfied','r1:e523557b-4195813:4a783f4a837f09a9','process 8714',NULL,NULL,NULL,NULL,NULL,'9c804de16dead30830b84598c0c8376de66b8c382055ca410c02259f45d49f81');
INSERT INTO "event" VALUES(84,1.79605653173527956005e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.dkim',1,'started','r1:e523557b-4195813:12c53a0fe603d8d2',NULL,NULL,NULL,NULL,NULL,NULL,'2fc2eeafb5e0a1ea2a6ab7db1651f7c7643a4e6bfb9bcb3608cdaaf491933f2c');
INSERT INTO "event" VALUES(85,1.79605653216160511967e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.dkim',1,'done','r1:e523557b-4195813:12c53a0fe603d8d2','example.test: selector AE6FF954-69CD-416E-9CF4-F9951BB1130B',NULL,NULL,NULL,NULL,0.425,'803e4f6634213a1be883a77c6e26492b99d6f91afb15755e17c2ecc2c97e5b3e');
INSERT INTO "event" VALUES(86,1.79605653216160511967e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.dh_deployed',1,'started','r1:volume:67b566146d2892a0',NULL,NULL,NULL,NULL,NULL,NULL,'e38ccf0b0392f0d6f75ecce6c9734565fba88eff956f82c04008e0064e9885f2');
INSERT INTO "event" VALUES(87,1.79605653336692714693e+09,'e523557b-4195813','c0aa8aa9','hardening','hardening.dh_deployed',1,'done','r1:volume:67b566146d2892a0','/opt/zimbra/conf/dhparam.pem holds our 4096 bits',NULL,NULL,NULL,NULL,1.205,'4161a2664c6b36039afaac506b0ac9640237803e17fa562bc7f4189d4ec22d58');
INSERT INTO "event" VALUES(88,1.79605653336692714693e+09,'e523557b-4195813','c0aa8aa9','upgrade',NULL,NULL,'entered',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'1ea372e3770368ecffe2ad16db0a38723e6370fcc8bced4c212b23c995ea4d62');
INSERT INTO "event" VALUES(89,1.79605653337356972699e+09,'e523557b-4195813','c0aa8aa9','upgrade','upgrade.archive',NULL,'satisfied','r1:volume:e3b0c44298fc1c14','no upgrade is ordered',NULL,NULL,NULL,NULL,NULL,'58aad850572044836079d64c48086eec2d59b6982fd6041454e1acf1df2cfaee');
INSERT INTO "event" VALUES(90,1.79605653337356972699e+09,'e523557b-4195813','c0aa8aa9','upgrade','upgrade.unpack',NULL,'satisfied','r1:volume:e3b0c44298fc1c14','no upgrade is ordered',NULL,NULL,NULL,NULL,NULL,'4384e40cff002927d224c2628f9dffd7307fa6710f780aa1ca2fe23b4c8eabc0');
INSERT INTO "event" VALUES(91,1.79605653337356972699e+09,'e523557b-4195813','c0aa8aa9','upgrade','upgrade.packages',NULL,'satisfied','r1:volume:e3b0c44298fc1c14','no upgrade is ordered',NULL,NULL,NULL,NULL,NULL,'bbe0a21ba4b151bf6a1ac1f26d7f0ef7cd07347773f4d0f2aa45296f9d66d081');
INSERT INTO "event" VALUES(92,1.79605653337356972699e+09,'e523557b-4195813','c0aa8aa9','upgrade','upgrade.checks',NULL,'satisfied','r1:volume:e3b0c44298fc1c14','no upgrade is ordered',NULL,NULL,NULL,NULL,NULL,'c05ca1ea22795c6bf03e13fd534e9d1cc7be9a8ddaca2be6fcb94b49fcac3c58');
INSERT INTO "event" VALUES(93,1.79605653338218593595e+09,'e523557b-4195813','c0aa8aa9','install','install.archive',1,'satisfied','r1:volume:b36c6245833dc78c','served its purpose: Zimbra 8.8.15.GA.standin.UBUNTU18.64 is installed',NULL,NULL,NULL,NULL,0.188,'c4045e6d366901326b4e0a1784320887ffa7ee03494b5ec5b232c42a2d7af00e');
INSERT INTO "event" VALUES(94,1.79605653401387977598e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.closed',1,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','closed at first, opened since',NULL,NULL,NULL,NULL,0.291,'e562fa3f62f2b92e5d1bea762692c9e5c5a5b7d0887e59a6b4341b14b0679324');
INSERT INTO "event" VALUES(95,1.79605653401387977598e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.volume',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','volume with Ubuntu 18.04 of zflow, built 2026-11-30T16:34:54.156Z',NULL,NULL,NULL,NULL,NULL,'8d68ac89266675d72a8f34ef5cb93042e7ca870390aad7871e97e1ca50b7afed');
INSERT INTO "event" VALUES(96,1.79605653401387977598e+09,'e523557b-4195813','c0aa8aa9','bootstrap','bootstrap.resolver',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','the server''s own DNS',NULL,NULL,NULL,NULL,NULL,'1e7a31ecc606fb5e491d94ac018a9b491cb28165b62e80431f1a22e0693f9f41');
INSERT INTO "event" VALUES(97,1.79605653401387977598e+09,'e523557b-4195813','c0aa8aa9','install','install.identity',NULL,'satisfied','r1:e523557b-4195813:6467aa1b3854a867','still mail.example.test',NULL,NULL,NULL,NULL,NULL,'1e3116e78d99d828477260af95ae76dc37a07e857d106b0eb7f5b6033cb8beaa');
INSERT INTO "event" VALUES(98,1.79605653401387977598e+09,'e523557b-4195813','c0aa8aa9','install','install.memory',NULL,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','5.9 of 23.5 GiB are the mailbox server''s and the database''s',NULL,NULL,NULL,NULL,NULL,'c9e0d7c5e4eaa5bb2690fbbde160f9f62c968047a678c5c74f19e01eac9839d8');
INSERT INTO "event" VALUES(99,1.79605653401387977598e+09,'e523557b-4195813','c0aa8aa9','install','install.preflight',NULL,'satisfied','r1:volume:6467aa1b3854a867','served its purpose: Zimbra 8.8.15.GA.standin.UBUNTU18.64 is installed',NULL,NULL,NULL,NULL,NULL,'46610e2c378277ba7ee76cd518778b8e150492215e5d8825e01f5b3f63c78f56');
INSERT INTO "event" VALUES(100,1.79605653401387977598e+09,'e523557b-4195813','c0aa8aa9','install','install.syslog',1,'satisfied','r1:e523557b-4195813:e3b0c44298fc1c14','rsyslog is process 8392',NULL,NULL,NULL,NULL,0.183,'a973e1d85309da5d216d6420289bbf2f9a3aece06c2e2f7c1f51fac1790c9a5c');
INSERT INTO "event" VALUES(101,1.79605653401387977598e+09,'e523557b-4195813','c0aa8aa9','install','install.unpack',1,'satisfied','r1:volume:6d3a5d3ed186182d','served its purpose: Zimbra 8.8.15.GA.standin.UBUNTU18.64 is installed',NULL,NULL,NULL,NULL,0.032,'e95c14f5a13a70727c76dbc8e11579b51b43a022e9fc9ee51ae046abec8583e2');
INSERT INTO "event" VALUES(102,1.79605653401387977598e+09,'e523557b-4195813','c0aa8aa9','install','install.answers',1,'satisfied','r1:volume:e3b0c44298fc1c14','served its purpose: Zimbra 8.8.15.GA.standin.UBUNTU18.64 is installed',NULL,NULL,NULL,NULL,0.009,'c43d39524619fbbc4c3393050eb3bc0c4f60051c2391aed9ee46d683fe7a9c43');
INSERT INTO "event" VALUES(103,1.79605653401387977598e+09,'e523557b-4195813','c0aa8aa9','install','install.software',1,'satisfied','once','served its purpose: Zimbra 8.8.15.GA.standin.UBUNTU18.64 is installed',NULL,NULL,NULL,NULL,16.337,'012bb141cb713d1184260b557395a774f26d103022665efcf751a92261a022cb');
INSERT INTO "event" VALUES(104,1.79605653401387977598e+09,'e523557b-4195813','c0aa8aa9',NULL,NULL,NULL,'checked',NULL,NULL,NULL,NULL,'0 steps held, 56 brought about',NULL,NULL,'949b4197b458a3fcd35f21ff1f2a1bc7ae2434dd93e767da39a618425495960f');
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
INSERT INTO "seal" VALUES(1,'3383168a');
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
INSERT INTO "step" VALUES('bootstrap.available',9,'bootstrap','Let dpkg be told what to hold and remove','volume',1.0);
INSERT INTO "step" VALUES('bootstrap.build',7,'bootstrap','Build Ubuntu in the stage','volume',45.0);
INSERT INTO "step" VALUES('bootstrap.closed',1,'bootstrap','Close the firewall','boot',1.0);
INSERT INTO "step" VALUES('bootstrap.identity',3,'bootstrap','Check the server''s name','boot',1.0);
INSERT INTO "step" VALUES('bootstrap.mounts',10,'bootstrap','Mount the container''s system folders into Ubuntu','boot',1.0);
INSERT INTO "step" VALUES('bootstrap.names',11,'bootstrap','Name the server inside Ubuntu','boot',1.0);
INSERT INTO "step" VALUES('bootstrap.network',0,'bootstrap','Check that the network is the container''s own','boot',1.0);
INSERT INTO "step" VALUES('bootstrap.private',6,'bootstrap','Keep secrets to their owners','boot',1.0);
INSERT INTO "step" VALUES('bootstrap.resolver',12,'bootstrap','Resolve names inside Ubuntu','boot',1.0);
INSERT INTO "step" VALUES('bootstrap.restored',5,'bootstrap','Check the owners and rights of the files','boot',1.0);
INSERT INTO "step" VALUES('bootstrap.rights',2,'bootstrap','Check the container''s rights','boot',1.0);
INSERT INTO "step" VALUES('bootstrap.rootfs',8,'bootstrap','Install Ubuntu onto the volume','volume',2.0);
INSERT INTO "step" VALUES('bootstrap.volume',4,'bootstrap','Check the volume','boot',1.0);
INSERT INTO "step" VALUES('firewall.open',38,'firewall','Open the configured ports','boot',1.0);
INSERT INTO "step" VALUES('hardening.dh',50,'hardening','Find Diffie-Hellman parameters','volume',120.0);
INSERT INTO "step" VALUES('hardening.dh_deployed',51,'hardening','Use the Diffie-Hellman parameters','volume',20.0);
INSERT INTO "step" VALUES('hardening.dkim',49,'hardening','Make DKIM keys for all mail domains','boot',15.0);
INSERT INTO "step" VALUES('hardening.senders',47,'hardening','Refuse forged senders','volume',10.0);
INSERT INTO "step" VALUES('hardening.values',46,'hardening','Harden the server''s settings','volume',60.0);
INSERT INTO "step" VALUES('hardening.watcher',45,'hardening','Install the watcher of failed logins','volume',1.0);
INSERT INTO "step" VALUES('hardening.watching',48,'hardening','Watch for failed logins','boot',5.0);
INSERT INTO "step" VALUES('install.administrator',36,'install','Compare the administrator''s password with the setting','boot',1.0);
INSERT INTO "step" VALUES('install.answers',27,'install','Answer the installer''s questions beforehand','volume',1.0);
INSERT INTO "step" VALUES('install.archive',24,'install','Fetch the Zimbra release','volume',120.0);
INSERT INTO "step" VALUES('install.certificate',33,'install','Repair the server''s certificate files','boot',1.0);
INSERT INTO "step" VALUES('install.choices',19,'install','Look at the settings that only an install uses','boot',1.0);
INSERT INTO "step" VALUES('install.dns',22,'install','Start the server''s own DNS','boot',1.0);
INSERT INTO "step" VALUES('install.holds',32,'install','Hold Zimbra''s packages','volume',1.0);
INSERT INTO "step" VALUES('install.identity',16,'install','Check that the server still has its name','boot',1.0);
INSERT INTO "step" VALUES('install.limits',21,'install','Fit the server''s limits to the container','boot',1.0);
INSERT INTO "step" VALUES('install.memory',18,'install','Compare the memory with what the server was given','boot',1.0);
INSERT INTO "step" VALUES('install.networks',37,'install','Trust the container''s present addresses','boot',1.0);
INSERT INTO "step" VALUES('install.newer_setup',31,'install','Upgrade the server''s data and configuration','volume',1.0);
INSERT INTO "step" VALUES('install.newer_software',30,'install','Exchange the Zimbra software for the ordered release','volume',1.0);
INSERT INTO "step" VALUES('install.origin',17,'install','Tell a copied volume from the one installed','boot',1.0);
INSERT INTO "step" VALUES('install.patches',35,'install','Install the vendor''s patches','volume',5.0);
INSERT INTO "step" VALUES('install.preflight',20,'install','Check that the server can be installed here','volume',1.0);
INSERT INTO "step" VALUES('install.services',34,'install','Start the server''s services','boot',60.0);
INSERT INTO "step" VALUES('install.setup',29,'install','Configure the server','volume',900.0);
INSERT INTO "step" VALUES('install.software',28,'install','Install the Zimbra software','volume',400.0);
INSERT INTO "step" VALUES('install.source',26,'install','Set up the vendor''s package source','volume',15.0);
INSERT INTO "step" VALUES('install.syslog',23,'install','Start the system log','boot',1.0);
INSERT INTO "step" VALUES('install.unpack',25,'install','Unpack the Zimbra release','volume',15.0);
INSERT INTO "step" VALUES('tls.deployed',43,'tls','Serve the certificate on every port','volume',60.0);
INSERT INTO "step" VALUES('tls.hsts',44,'tls','Tell browsers to insist on TLS','volume',2.0);
INSERT INTO "step" VALUES('tls.lifetime',39,'tls','Watch the certificate''s end','volume',1.0);
INSERT INTO "step" VALUES('tls.names',41,'tls','Let the proxy answer under all names','volume',2.0);
INSERT INTO "step" VALUES('tls.pair',42,'tls','Check the supplied key and certificate','volume',5.0);
INSERT INTO "step" VALUES('tls.profile',40,'tls','Set TLS protocols and ciphers','volume',25.0);
INSERT INTO "step" VALUES('updates.configured',14,'updates','Configure unattended upgrades','volume',1.0);
INSERT INTO "step" VALUES('updates.driver',15,'updates','Start cron for the daily updates','boot',1.0);
INSERT INTO "step" VALUES('updates.packages',13,'updates','Complete what a package manager left half done','boot',1.0);
INSERT INTO "step" VALUES('upgrade.archive',52,'upgrade','Fetch the ordered release','volume',1.0);
INSERT INTO "step" VALUES('upgrade.checks',55,'upgrade','Check that the server can be upgraded','volume',1.0);
INSERT INTO "step" VALUES('upgrade.packages',54,'upgrade','Fetch the packages of the ordered release','volume',1.0);
INSERT INTO "step" VALUES('upgrade.unpack',53,'upgrade','Unpack the ordered release','volume',1.0);
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
INSERT INTO "workflow" VALUES(1,'serving','serving',NULL,'e523557b-4195813','c0aa8aa9',1.79605653401387977598e+09,NULL,NULL,NULL,NULL,'0.1.0');
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
