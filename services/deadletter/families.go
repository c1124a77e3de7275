package deadletter

// Family names the headers in which a framework says where a dead letter came from and why it died. Empty names are
// headers that the framework does not write.
type Family struct {
	Name                     string
	Topic, Partition, Offset string
	Group                    string
	Exception, Cause         string // class names
	Message                  string
	// Other headers about the failure, not about the record: they are not redriven either.
	Other []string
	// NewestFirst: a framework that puts its headers before those that the record had. All others append.
	NewestFirst bool
}

// connectGroup is what Kafka Connect puts before a connector's name to make its consumer group.
const connectGroup = "connect-"

// Families are the frameworks whose dead letters are understood, the most common first.
var Families = []Family{
	{
		Name:  "Spring Kafka",
		Topic: "kafka_dlt-original-topic", Partition: "kafka_dlt-original-partition", Offset: "kafka_dlt-original-offset",
		Group:     "kafka_dlt-original-consumer-group",
		Exception: "kafka_dlt-exception-fqcn", Cause: "kafka_dlt-exception-cause-fqcn", Message: "kafka_dlt-exception-message",
		Other: []string{"kafka_dlt-exception-stacktrace", "kafka_dlt-key-exception-fqcn", "kafka_dlt-key-exception-message", "kafka_dlt-key-exception-stacktrace"},
	},
	{
		// @RetryableTopic has names of its own, but not for the group. A record that kept its count of attempts would be
		// dead-lettered again at its first failure.
		Name:  "Spring Kafka retry topics",
		Topic: "kafka_original-topic", Partition: "kafka_original-partition", Offset: "kafka_original-offset",
		Group:     "kafka_dlt-original-consumer-group",
		Exception: "kafka_exception-fqcn", Cause: "kafka_exception-cause-fqcn", Message: "kafka_exception-message",
		Other: []string{
			"kafka_exception-stacktrace", "kafka_key-exception-fqcn", "kafka_key-exception-message", "kafka_key-exception-stacktrace",
			"retry_topic-attempts", "retry_topic-backoff-timestamp", "retry_topic-original-timestamp",
		},
	},
	{
		// The binder writes numbers in binary; most of the many who took these names over write them as text.
		Name:  "Spring Cloud Stream",
		Topic: "x-original-topic", Partition: "x-original-partition", Offset: "x-original-offset",
		Group:     "x-original-consumer-group",
		Exception: "x-exception-fqcn", Message: "x-exception-message",
		Other: []string{"x-exception-stacktrace"},
	},
	{
		// KIP-1034. The exception header is Throwable.toString: class, colon, message.
		Name:  "Kafka Streams",
		Topic: "__streams.errors.topic", Partition: "__streams.errors.partition", Offset: "__streams.errors.offset",
		Exception: "__streams.errors.exception", Message: "__streams.errors.message",
		Other: []string{"__streams.errors.stacktrace"},
	},
	{
		Name:  "SmallRye",
		Topic: "dead-letter-topic", Partition: "dead-letter-partition", Offset: "dead-letter-offset",
		Exception: "dead-letter-exception-class-name", Cause: "dead-letter-cause-class-name", Message: "dead-letter-reason",
		Other:       []string{"dead-letter-cause"},
		NewestFirst: true,
	},
	{
		// A sink's group is named after its connector. Connect never overwrites a header that is there already.
		Name:  "Kafka Connect",
		Topic: "__connect.errors.topic", Partition: "__connect.errors.partition", Offset: "__connect.errors.offset",
		Group:     "__connect.errors.connector.name",
		Exception: "__connect.errors.exception.class.name", Message: "__connect.errors.exception.message",
		Other: []string{"__connect.errors.exception.stacktrace", "__connect.errors.stage", "__connect.errors.class.name", "__connect.errors.task.id"},
	},
}
