package loadgen

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// awsConfig is what the three clients of AWS have in common: the SDK's defaults,
// but for the address, credentials that the server doesn't check, and no retries:
// a request that is sent again after an error could count twice on the server
// and once here.
func awsConfig(addr string, workers int) (aws.Config, *http.Transport) {
	transport := &http.Transport{MaxIdleConnsPerHost: workers}
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String("http://" + addr),
		HTTPClient:   &http.Client{Transport: transport},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "example", SecretAccessKey: "example"}, nil
		}),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}, transport
}
