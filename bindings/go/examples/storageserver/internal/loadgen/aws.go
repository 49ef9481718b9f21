package loadgen

import (
	"context"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// AWSConfig is what the three clients of AWS have in common: the SDK's defaults,
// but for the address, credentials that the server doesn't check, and no retries:
// a request that is sent again after an error could count twice on the server
// and once here.
func AWSConfig(addr string, workers int) (aws.Config, *http.Transport) {
	transport := &http.Transport{MaxIdleConnsPerHost: workers}
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String("http://" + addr),
		HTTPClient:   plainBodies{&http.Client{Transport: transport}},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "example", SecretAccessKey: "example"}, nil
		}),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}, transport
}

// plainBodies hides that the SDK's request bodies have WriteTo. The SDK closes
// the body once the answer begins, and WriteTo of a closed body is io.EOF, an
// error; Read's io.EOF is none. Where the answer is faster than net/http's last
// look at the body, the error would end the connection under the answer.
type plainBodies struct {
	client *http.Client
}

func (c plainBodies) Do(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		request.Body = struct{ io.ReadCloser }{request.Body}
	}
	return c.client.Do(request)
}
