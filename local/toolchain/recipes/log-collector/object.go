package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// config of the exporter; the account and the endpoint come from the AWS SDK's own files (AWS_CONFIG_FILE and its twin).
type config struct {
	Bucket  string                                                   `mapstructure:"bucket"`
	Writer  string                                                   `mapstructure:"writer"`      // part of each key: no two collectors share one
	Locked  int                                                      `mapstructure:"locked_days"` // for which nobody deletes an object; 0 locks none
	Timeout exporterhelper.TimeoutConfig                             `mapstructure:",squash"`
	Queue   configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	Retry   configretry.BackOffConfig                                `mapstructure:"retry_on_failure"`
}

func (c *config) Validate() error {
	if c.Bucket == "" || c.Writer == "" || strings.Contains(c.Writer, "/") {
		return errors.New("bucket and writer are required; writer has no slash")
	}
	if c.Locked < 0 {
		return errors.New("locked_days is a number of days, or 0 to lock nothing")
	}
	return nil
}

type objects struct {
	config *config
	client *s3.Client
}

func newFactory() exporter.Factory {
	return exporter.NewFactory(component.MustNewType("object"), func() component.Config {
		return &config{
			Timeout: exporterhelper.NewDefaultTimeoutConfig(),
			Queue:   configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
			Retry:   configretry.NewDefaultBackOffConfig(),
		}
	}, exporter.WithLogs(newLogs, component.StabilityLevelBeta))
}

func newLogs(ctx context.Context, settings exporter.Settings, raw component.Config) (exporter.Logs, error) {
	cfg := raw.(*config)
	sink := &objects{config: cfg}
	return exporterhelper.NewLogs(ctx, settings, cfg, sink.put,
		exporterhelper.WithStart(sink.start),
		exporterhelper.WithTimeout(cfg.Timeout),
		exporterhelper.WithQueue(cfg.Queue),
		exporterhelper.WithRetry(cfg.Retry))
}

func (o *objects) start(ctx context.Context, _ component.Host) error {
	loaded, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	o.client = s3.NewFromConfig(loaded, func(options *s3.Options) {
		options.UsePathStyle = true
		// Not every S3 service knows the newer checksums.
		options.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	})
	return nil
}

// put writes one batch as one object: gzipped lines of JSON under the hour in which it was written, locked where that is asked for.
func (o *objects) put(ctx context.Context, logs plog.Logs) error {
	body, err := packed(logs)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	key := key(now, o.config.Writer)
	object := &s3.PutObjectInput{
		Bucket: &o.config.Bucket, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/gzip"),
	}
	if o.config.Locked > 0 {
		lock(object, body, now.AddDate(0, 0, o.config.Locked))
	}
	_, err = o.client.PutObject(ctx, object)
	return err
}

// lock has the object itself say until when nobody deletes it: a bucket's default can be changed afterwards.
func lock(object *s3.PutObjectInput, body []byte, until time.Time) {
	// S3 takes a locked object only with a checksum, and this one every store knows.
	sum := md5.Sum(body)
	object.ContentMD5 = aws.String(base64.StdEncoding.EncodeToString(sum[:]))
	object.ObjectLockMode = types.ObjectLockModeCompliance
	object.ObjectLockRetainUntilDate = &until
}

func key(now time.Time, writer string) string {
	return fmt.Sprintf("%s/%s-%d.jsonl.gz", now.Format("2006/01/02/15"), writer, now.UnixNano())
}

// packed is the gzipped lines: the record's attributes, its time and its text, flat.
func packed(logs plog.Logs) ([]byte, error) {
	var body bytes.Buffer
	writer := gzip.NewWriter(&body)
	lines := json.NewEncoder(writer)
	lines.SetEscapeHTML(false)
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				if err := lines.Encode(line(resource.Resource().Attributes(), record)); err != nil {
					return nil, err
				}
			}
		}
	}
	err := writer.Close()
	return body.Bytes(), err
}

func line(resource pcommon.Map, record plog.LogRecord) map[string]any {
	flat := map[string]any{"time": record.Timestamp().AsTime().Format(time.RFC3339Nano), "line": record.Body().AsString()}
	for _, attributes := range []pcommon.Map{resource, record.Attributes()} {
		for name, value := range attributes.All() {
			flat[name] = value.AsString()
		}
	}
	return flat
}
